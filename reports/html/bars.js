// Bars from left to right, some for each row; rows that are many scroll.
function rowsOf(names, width, own) {
  const letters = width < 500 ? 22 : 30;
  return axis({
    type: "category", data: names.map((name, place) => place), inverse: true,
    axisTick: { show: false }, splitLine: { show: false },
    ...own,
    axisLabel: { formatter: (place) => tail(names[place], letters), interval: 0, hideOverlap: false, ...(own || {}).axisLabel },
  });
}

const roomFor = (width) => ({ left: width < 500 ? 150 : 210, right: width < 500 ? 24 : 60, top: 40, bottom: 52 });
