// What a machine can do at best, and how near networks and their layers come to it; both axes are logarithmic.
charts.roofline = (found, again) => {
  const chosen = { roof: "0", layers: "" };
  const withLayers = () => found.roofs[chosen.roof].models
    .map((model, place) => [String(place), `of ${model.name}`]).filter(([place]) => found.roofs[chosen.roof].models[place].layers.length);
  const holder = element("span", {});
  function offer() {
    const offered = withLayers();
    chosen.layers = offered.length ? offered[0][0] : "";
    const more = offered.length > 1 ? [["all", "of all networks"]] : [];
    holder.replaceChildren(...(offered.length
      ? [choice("Layers", [...offered, ...more, ["", "none"]], chosen.layers, (value) => { chosen.layers = value; again(); })] : []));
  }
  offer();
  const controls = [holder];
  if (found.roofs.length > 1) {
    const names = found.roofs.map((roof, place) => [String(place), roof.name]);
    controls.unshift(choice("Machine and setting", names, "0", (value) => { chosen.roof = value; offer(); again(); }));
  }
  return { controls, draw: (width) => drawRoofline(found.roofs[chosen.roof], chosen.layers, width) };
};

const about = (rate) => short(Number(rate.toPrecision(3)));
const LINES = { solid: "path://M0 5h24v2H0z", dashed: "path://M0 5h6v2H0zM9 5h6v2H9zM18 5h6v2h-6z" };
const shapeOf = (place) => (place.marks.includes("winograd") ? "triangle" : place.marks.includes("cached") ? "diamond" : "circle");

function drawRoofline(roof, layersOf, width) {
  const { color, series } = theme();
  const models = roof.models.map((model) => ({ ...model, kind: "network" }));
  const layers = roof.models.flatMap((model, place) =>
    layersOf === "all" || layersOf === String(place) ? model.layers.map((layer) => ({ ...layer, of: model.name })) : []);
  const drawable = ({ place }) => place.intensity > 0 && place.attained > 0;
  const all = [...models, ...layers].filter(drawable);
  const ridge = roof.mult_adds_per_s / roof.bytes_per_s;
  const power = (value, round) => 10 ** round(Math.log10(value));
  const left = power(Math.min(ridge / 5, ...all.map(({ place }) => place.intensity)), Math.floor);
  const right = power(Math.max(ridge * 5, ...all.map(({ place }) => place.intensity)), Math.ceil);
  const bottom = power(Math.min(roof.mult_adds_per_s / 100, ...all.map(({ place }) => place.attained)), Math.floor);
  const top = power(Math.max(roof.mult_adds_per_s * 1.2, ...all.map(({ place }) => place.attained)), Math.ceil);
  const under = (rate) => {
    const start = Math.max(left, bottom / rate);
    const corner = roof.mult_adds_per_s / rate;
    return corner > start
      ? [[start, start * rate], [corner, roof.mult_adds_per_s], [right, roof.mult_adds_per_s]]
      : [[left, roof.mult_adds_per_s], [right, roof.mult_adds_per_s]];
  };
  const line = (name, rate, type) => ({
    type: "line", name, data: under(rate), symbol: "none", silent: true, z: 2, tooltip: { show: false },
    itemStyle: { color: color("text") }, lineStyle: { color: color("text"), width: type === "solid" ? 2 : 1.5, type },
  });
  const kinds = [...new Set(layers.filter(drawable).map((layer) => layer.kind))];
  const scatter = (name, items, size, tint, labelled) => ({
    type: "scatter", name, z: labelled ? 5 : 4, itemStyle: { color: tint, opacity: labelled ? 1 : 0.85 },
    data: items.map((item) => ({ value: [item.place.intensity, item.place.attained], item, symbol: labelled ? "circle" : shapeOf(item.place) })),
    symbolSize: size,
    label: { show: labelled, position: "right", color: color("text"), formatter: (point) => tail(point.data.item.name, 24) },
    labelLayout: { hideOverlap: true, moveOverlap: "shiftY" },
  });
  const missing = models.length + layers.length - all.length;
  const roofs = [["memory", roof.bytes_per_s, "solid"], ["cache", roof.cache_bytes_per_s, "dashed"]]
    .filter(([, rate]) => rate > 0);
  const said = [
    `Roofs: ${about(roof.mult_adds_per_s)} mult-adds/s; memory ${about(roof.bytes_per_s)}B/s, cache ${about(roof.cache_bytes_per_s)}B/s (dashed).`,
    layers.length > 0 && "Triangles may be computed with fewer mult-adds (Winograd); the data of diamonds may stay in the cache.",
    missing > 0 && `Not drawn, having no mult-adds: ${missing}.`,
  ].filter(Boolean).join(" ");
  return {
    height: printing ? 460 : Math.min(560, Math.max(380, width * 0.62)),
    label: `Roofline of ${roof.name}: attained mult-adds per second against mult-adds per byte, both logarithmic, of ${models.length} networks and ${layers.length} layers`,
    said,
    option: {
      grid: { left: width < 500 ? 62 : 80, right: width < 500 ? 24 : 60, top: width < 500 ? 90 : 56, bottom: 56 },
      legend: legend({
        data: [...roofs.map(([name, , type]) => ({ name: `roof of ${name}`, icon: LINES[type] })), "networks", ...kinds],
      }),
      xAxis: axis({ type: "log", min: left, max: right, name: "mult-adds per byte", nameGap: 30, axisLabel: { formatter: plain } }),
      yAxis: axis({ type: "log", min: bottom, max: top, name: "mult-adds per second", nameGap: width < 500 ? 44 : 56, axisLabel: { formatter: short } }),
      series: [
        ...roofs.map(([name, rate, type]) => line(`roof of ${name}`, rate, type)),
        scatter("networks", models.filter(drawable), 15, series[1], true),
        ...kinds.map((kind, place) => scatter(kind, layers.filter((layer) => drawable(layer) && layer.kind === kind), 9,
          series[[0, 2, 3, 4, 5][place % 5]], false)),
      ],
      tooltip: {
        trigger: "item",
        formatter: ({ data: { item } }) => tip(item.of ? `${item.of}: ${item.name}` : item.name, [
          ["kind", item.of ? item.kind : ""],
          ["mult-adds per byte", plain(item.place.intensity)],
          ["attained", `${short(item.place.attained)}/s`],
          ["roof", `${short(item.place.roof)}/s`],
          ["share of the roof", percent(item.place.share)],
          ["latency", written(item.place.latency_s, "seconds")],
          ["95 % interval", interval(...item.place.ci95_s, "seconds")],
          ["the roof would allow", written(item.place.floor_s, "seconds")],
          ["bound by", item.place.bound],
          ["marks", item.place.marks.join(", ")],
        ]),
      },
    },
  };
}
