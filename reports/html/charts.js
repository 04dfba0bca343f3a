// Charts: drawn by ECharts as SVG, in the page's colours, and drawn again where those or the width change.
const PRINTED = 980; // pixels, about the width of a page across
const drawn = [];
let printing = false;

function theme() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    color,
    series: [1, 2, 3, 4, 5, 6].map((number) => color(`series${number}`)),
    font: getComputedStyle(document.body).fontFamily,
  };
}

// What all charts share; `own` says the rest.
function options(own) {
  const { color, series, font } = theme();
  const patterns = printing || matchMedia("(prefers-contrast: more), (forced-colors: active)").matches;
  return {
    animation: false,
    aria: { enabled: true, label: { enabled: false }, decal: { show: patterns } },
    backgroundColor: "transparent",
    color: series,
    textStyle: { color: color("text"), fontFamily: font, fontSize: 12 },
    tooltip: {
      confine: true,
      backgroundColor: color("back"),
      borderColor: color("line"),
      textStyle: { color: color("text"), fontFamily: font, fontSize: 13 },
      transitionDuration: 0,
      ...own.tooltip,
    },
    ...Object.fromEntries(Object.entries(own).filter(([name]) => name !== "tooltip")),
  };
}

function axis(own) {
  const { color } = theme();
  return {
    nameLocation: "middle",
    nameTextStyle: { color: color("quiet") },
    axisLine: { show: true, lineStyle: { color: color("quiet") } },
    axisTick: { lineStyle: { color: color("quiet") } },
    splitLine: { lineStyle: { color: color("line") } },
    ...own,
    axisLabel: { color: color("text"), hideOverlap: true, ...own.axisLabel },
  };
}

function legend(own, width = 200) {
  const { color } = theme();
  return {
    type: "plain", top: 6, left: "center", padding: [0, 12], itemGap: 16,
    textStyle: { color: color("text"), width, overflow: "truncate" },
    inactiveColor: color("line"), ...own,
  };
}

// Values 1, 2, 5, 10 and so on between two, for a logarithmic axis of few decades.
function steps(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const digit of [1, 2, 5]) {
      const value = Number(`${digit}e${power}`);
      if (value >= low && value <= high) found.push(value);
    }
  }
  return found;
}

// Lines from one end of an interval to the other, with caps. `ends` gives [x1, y1, x2, y2] in pixels for a data item,
// `encode` says which of its values the axes have to have room for.
function intervals(values, encode, ends, color) {
  return {
    type: "custom",
    encode,
    silent: true,
    data: values,
    z: 3,
    clip: true,
    tooltip: { show: false },
    renderItem: (params, api) => {
      const children = ends(params, api).filter(Boolean).flatMap(([x1, y1, x2, y2]) => {
        const across = Math.abs(x2 - x1) >= Math.abs(y2 - y1);
        const [dx, dy] = across ? [0, 4] : [4, 0];
        return [[x1, y1, x2, y2], [x1 - dx, y1 - dy, x1 + dx, y1 + dy], [x2 - dx, y2 - dy, x2 + dx, y2 + dy]];
      });
      return {
        type: "group",
        children: children.map(([x1, y1, x2, y2]) => ({
          type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: color, lineWidth: 1.5 },
        })),
      };
    },
  };
}

// A chart in its figure: `parts` has the controls, and says from the width what to draw, how high, and in words.
function place(figure) {
  figure.hidden = false;
  const canvas = figure.querySelector(".canvas");
  const said = figure.querySelector(".said");
  const scroll = figure.querySelector(".scroll");
  const made = charts[figure.dataset.chart](data[figure.dataset.of], () => draw());
  figure.querySelector(".controls").append(...made.controls);
  let chart = null;
  function draw() {
    const width = printing ? PRINTED : scroll.clientWidth;
    const drawing = made.draw(width);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${drawing.height}px`;
    const scrolls = { tabindex: "0", role: "region", "aria-label": "A chart that scrolls" };
    for (const [name, value] of Object.entries(scrolls)) {
      if (drawing.height > scroll.clientHeight + 2) scroll.setAttribute(name, value);
      else scroll.removeAttribute(name);
    }
    if (!chart) {
      chart = libraries.chart(canvas, null, { renderer: "svg", width, height: drawing.height });
      canvas.chart = chart;
    }
    chart.resize({ width, height: drawing.height });
    chart.setOption(options(drawing.option), { notMerge: true });
    canvas.setAttribute("aria-label", `${drawing.label}. ${drawing.said || ""}`.trim());
    said.textContent = drawing.said || "";
  }
  draw();
  said.setAttribute("aria-live", "polite"); // what is said first is read in its turn
  drawn.push({ draw, scroll, width: scroll.clientWidth });
}
