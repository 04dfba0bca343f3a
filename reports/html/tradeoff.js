// Accuracy against cost, or one cost against another, with the Pareto front of what is shown.
const EVERY = "every latency";
const SYMBOLS = ["circle", "rect", "triangle", "diamond", "roundRect", "pin"];

charts.tradeoff = (found, again) => {
  const keys = Object.keys(found.axes);
  const latencies = keys.filter((key) => found.axes[key].kind === "seconds");
  const names = keys.map((key) => [key, found.axes[key].name]);
  const chosen = { x: found.x, y: found.y };
  const across = latencies.length > 1 ? [...names, [EVERY, "latency, every setting"]] : names;
  const controls = [
    choice("Across", across, chosen.x, (value) => { chosen.x = value; again(); }),
    choice("Up", names, chosen.y, (value) => { chosen.y = value; again(); }),
  ];
  return { controls, draw: (width) => drawTradeoff(found, chosen, latencies, width) };
};

// Points that no other one beats on both axes, the best on x first.
function frontOf(points, x, y) {
  const better = (axis, a, b) => (axis.higher ? a - b : b - a);
  const sorted = [...points].sort((a, b) => better(x, b.x, a.x) || better(y, b.y, a.y));
  const front = [];
  for (const point of sorted) {
    const last = front[front.length - 1];
    if (!last || better(y, point.y, last.y) > 0) front.push(point);
  }
  return front;
}

function scaleOf(axisOf, values) {
  if (axisOf.kind === "seconds") return unitOf(Math.max(...values));
  if (axisOf.kind === "percent") return [1, "%"];
  return [1, axisOf.kind === "bytes" ? "bytes" : ""];
}

function valueAxis(axisOf, values, own) {
  const [scale, unit] = scaleOf(axisOf, values);
  const low = Math.min(...values) * scale;
  const high = Math.max(...values) * scale;
  const logarithmic = axisOf.kind !== "percent" && low > 0 && high / low >= 12;
  const label = axisOf.kind === "seconds" || axisOf.kind === "percent" ? plain : short;
  const made = { name: [axisOf.name, unit && `(${unit})`].filter(Boolean).join(" "), scale: true, type: "value", ...own };
  made.name = head(made.name, 60);
  made.axisLabel = { formatter: label };
  if (logarithmic) {
    const min = low / 1.3;
    const max = high * 1.3;
    const customValues = steps(min, max);
    Object.assign(made, { type: "log", min, max, axisTick: { customValues }, splitLine: { show: true } });
    Object.assign(made.axisLabel, { customValues });
    made.name += ", logarithmic";
  } else {
    const room = (high - low || Math.abs(high) || 1) * 0.08;
    made.min = (value) => Math.max(value.min - room, low >= 0 ? 0 : -Infinity);
    made.max = (value) => value.max + room;
    made.axisLabel.showMinLabel = false;
    made.axisLabel.showMaxLabel = false;
  }
  return [axis(made), scale];
}

function drawTradeoff(found, chosen, latencies, width) {
  const y = found.axes[chosen.y];
  const groups = chosen.x === EVERY ? latencies : [chosen.x];
  const x = chosen.x === EVERY ? { name: "latency", kind: "seconds" } : found.axes[chosen.x];
  const own = chosen.y === found.accuracy && x.own;
  const points = groups.flatMap((key, group) => found.points.flatMap((point) => {
    const [left, up] = [point.values[key], point.values[chosen.y]];
    if (!left || !up) return [];
    return [{ name: point.name, key, group, x: left.value, y: up.value, left, up, placed: own ? left.pareto : null }];
  }));
  const height = printing ? 440 : Math.min(520, Math.max(340, width * 0.6));
  const label = `Scatter chart of ${y.name} against ${chosen.x === EVERY ? "latency on every setting" : x.name}`;
  if (!points.length) return { height: 120, label, said: "No network here has both.", option: { series: [] } };
  const front = frontOf(points, x, y);
  const placed = own && points.some((point) => point.placed) ? points.filter((point) => point.placed) : front;
  for (const point of points) point.front = placed.includes(point);
  const ends = (item) => [item.value, item.low, item.high].filter((value) => value !== undefined);
  const [acrossAxis, acrossScale] = valueAxis(x, points.flatMap((point) => ends(point.left)), { nameGap: 30 });
  const [upAxis, upScale] = valueAxis(y, points.flatMap((point) => ends(point.up)), { nameGap: width < 500 ? 38 : 48 });
  const { color, series } = theme();
  const at = (point) => [point.x * acrossScale, point.y * upScale];
  const several = groups.length > 1;
  const scatter = groups.map((key, group) => ({
    type: "scatter",
    name: several ? found.axes[key].name : "networks",
    symbol: SYMBOLS[group % SYMBOLS.length],
    symbolSize: 11,
    itemStyle: { color: series[group % series.length] },
    z: 4,
    data: points.filter((point) => point.group === group).map((point) => ({
      value: at(point),
      point,
      itemStyle: point.front ? {} : { color: color("back"), borderColor: series[group % series.length], borderWidth: 1.75 },
    })),
    label: {
      show: true, position: "top", distance: 6, color: color("text"), fontSize: 12,
      formatter: (item) => tail(item.data.point.name, width < 500 ? 18 : 32),
    },
    labelLayout: { hideOverlap: true, moveOverlap: "shiftY" },
    emphasis: { scale: 1.4, label: { fontWeight: "bold" } },
  }));
  const bars = groups.map((key, group) => intervals(
    points.filter((point) => point.group === group).map(({ x: ax, y: ay, left, up }) => [
      ax * acrossScale, ay * upScale, (left.low ?? ax) * acrossScale, (left.high ?? ax) * acrossScale,
      (up.low ?? ay) * upScale, (up.high ?? ay) * upScale,
    ]),
    { x: [0, 2, 3], y: [1, 4, 5] },
    (params, api) => {
      const [left, right] = [2, 3].map((place) => api.coord([api.value(place), api.value(1)]));
      const [low, high] = [4, 5].map((place) => api.coord([api.value(0), api.value(place)]));
      return [right[0] - left[0] > 0.5 && [...left, ...right], low[1] - high[1] > 0.5 && [...low, ...high]];
    },
    series[group % series.length],
  ));
  const line = {
    type: "line", name: "Pareto front", data: front.map(at), step: "end", symbol: "none", silent: true, z: 2,
    lineStyle: { color: color("quiet"), type: "dashed", width: 1.5 }, tooltip: { show: false },
  };
  const names = [...new Set(placed.map((point) => point.name))];
  const missing = found.points.length - new Set(points.map((point) => point.name)).size;
  const said = [
    `${placed === front ? "On the front of the medians shown" : "On the Pareto front"} (filled): ${listed(names, 12)}.`,
    missing > 0 ? `Not shown, for want of a number: ${missing} of ${found.points.length} networks.` : "",
    points.some((point) => point.left.low !== undefined || point.up.low !== undefined) ? "Bars are 95 % intervals." : "",
  ].filter(Boolean).join(" ");
  return {
    height, label, said,
    option: {
      grid: { left: width < 500 ? 62 : 76, right: width < 500 ? 28 : 48, top: several ? 24 + 22 * Math.ceil(groups.length / (width < 600 ? 1 : 3)) : 24, bottom: 56 },
      legend: several ? legend({ data: groups.map((key) => found.axes[key].name) }) : undefined,
      xAxis: acrossAxis,
      yAxis: upAxis,
      series: [...scatter, ...bars, line],
      tooltip: {
        trigger: "item",
        formatter: ({ data: { point } }) => tip(point.name, [
          [found.axes[point.key].name, written(point.x, x.kind)],
          [point.left.low === undefined ? "" : "95 % interval", interval(point.left.low, point.left.high, x.kind)],
          [y.name, written(point.y, y.kind)],
          [point.up.low === undefined ? "" : "95 % interval", interval(point.up.low, point.up.high, y.kind)],
          ["on the Pareto front", point.front ? "yes" : "no"],
        ]),
      },
    },
  };
}
