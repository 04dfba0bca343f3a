// The paper's relative speeds beside this machine's.
charts.experiment = (found) => ({ controls: [], draw: (width) => drawExperiment(found, width) });

function drawExperiment(found, width) {
  const { color, series } = theme();
  const rows = found.columns.flatMap((column) => column.rows.map((row) => ({ ...row, column: column.name })));
  const layout = { barGap: "0%", barCategoryGap: "32%" };
  const names = rows.map((row) => [row.column, row.setting].filter(Boolean).join(", "));
  const sides = [[found.paper, "paper"], [found.here, "relative"]];
  const bars = sides.map(([name, key], place) => ({
    type: "bar", name, ...layout, itemStyle: { color: series[place] },
    data: rows.map((row) => ({ value: row[key] ?? "-", row })),
  }));
  const measured = rows.map((row, place) => [row.relative, place, row.low, row.high]).filter(([, , low]) => low !== null);
  const ends = (params, api) => {
    const offset = api.barLayout({ ...layout, count: 2 })[1].offsetCenter;
    const [from, to] = [2, 3].map((place) => api.coord([api.value(place), api.value(1)]));
    return [[from[0], from[1] + offset, to[0], to[1] + offset]];
  };
  return {
    height: 110 + rows.length * 32,
    label: "Bar chart of speeds relative to the first row of each column, the paper's beside this machine's",
    said: "Speed relative to the first row of each column; bars with ends are 95 % intervals.",
    option: {
      grid: { ...roomFor(width), top: width < 500 ? 62 : 40 },
      legend: legend({ data: sides.map(([name]) => name) }, width < 500 ? width - 90 : width / 2 - 60),
      xAxis: axis({ type: "value", name: "relative speed", nameGap: 28, axisLabel: { formatter: plain } }),
      yAxis: rowsOf(names, width),
      series: [...bars, intervals(measured, { x: [0, 2, 3], y: 1 }, ends, color("text"))],
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "shadow", shadowStyle: { color: color("line"), opacity: 0.35 } },
        formatter: (items) => {
          const { row } = items.find((item) => item.data && item.data.row).data;
          return tip([row.column, row.setting].filter(Boolean).join(", "), [
            [found.paper, row.paper === null ? "" : plain(row.paper)],
            ["printed", row.printed],
            [found.here, row.relative === null ? "not timed" : plain(row.relative)],
            ["95 % interval", interval(row.low, row.high, "")],
            ["latency here", row.median_s === null ? "" : written(row.median_s, "seconds")],
            ["verdict", row.verdict],
          ]);
        },
      },
    },
  };
}
