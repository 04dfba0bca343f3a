// Each layer's share of mult-adds, memory access and time, side by side.
const FEW = 30;
const PAGEFUL = 13; // of a page across
const SHARES = [["mult_adds", "mult-adds"], ["memory_access", "memory access"], ["time", "time"]];

charts.layers = (found, again) => {
  const networks = found.networks.map((network, place) => [String(place), network.name])
    .filter(([place]) => found.networks[place].layers.length);
  const timed = found.networks.some((network) => network.timed);
  const first = networks.find(([place]) => found.networks[place].timed) || networks[0];
  const most = Math.max(...found.networks.map((network) => network.layers.length));
  const chosen = { network: first[0], order: most > FEW ? (timed ? "time" : "mult_adds") : "", all: "" };
  const orders = [["", "as the network runs"], ...SHARES.filter(([key]) => timed || key !== "time")
    .map(([key, name]) => [key, `by ${name}`])];
  const set = (name) => (value) => { chosen[name] = value; again(); };
  const controls = [choice("Order", orders, chosen.order, set("order"))];
  if (networks.length > 1) controls.unshift(choice("Network", networks, chosen.network, set("network")));
  if (most > FEW) {
    controls.push(choice("Show", [["", `the first ${FEW}`], ["all", "all layers"]], "", set("all")));
  }
  return { controls, draw: (width) => drawLayers(found, chosen, width) };
};

const shareOf = (layer, key) => layer[`${key}_share`] ?? 0;
const count = (number, share) => (number === undefined ? "" : `${whole(number)}${share === null ? "" : ` (${percent(share)})`}`);

function drawLayers(found, chosen, width) {
  const network = found.networks[Number(chosen.network)];
  const sorted = chosen.order
    ? [...network.layers].sort((a, b) => shareOf(b, chosen.order) - shareOf(a, chosen.order)) : network.layers;
  const layers = chosen.all ? sorted : sorted.slice(0, printing ? PAGEFUL : FEW);
  const kinds = SHARES.filter(([key]) => network.timed || key !== "time");
  const { color, series } = theme();
  const out = network.layers.filter((layer) => layer.out).map((layer) => layer.name);
  const names = layers.map((layer) => (layer.out ? `\u25b2 ${layer.name}` : layer.name));
  const colors = [series[0], series[2], series[4]];
  const rest = network.layers.length - layers.length;
  const said = [
    network.timed && `Timed on ${network.timed}.`,
    out.length > 0 && `\u25b2 Time out of proportion, at least ${found.times} times its share of either work: ${listed(out, 8)}.`,
    network.timed && !out.length && `No layer takes ${found.times} times its share of either work.`,
    rest > 0 && `${rest} more layers are not shown.`,
    "Memory access: eager view.",
  ].filter(Boolean).join(" ");
  return {
    height: 100 + layers.length * (kinds.length * 8 + 10),
    label: `Bar chart of the layers of ${network.name}: shares of ${kinds.map(([, name]) => name).join(", ")}`,
    said,
    option: {
      grid: { ...roomFor(width), top: 84, bottom: 12 },
      legend: legend({ data: kinds.map(([, name]) => name) }),
      xAxis: axis({ type: "value", name: "share of the network (%)", nameGap: 26, position: "top", axisLabel: { formatter: plain } }),
      yAxis: rowsOf(names, width),
      series: kinds.map(([key, name], place) => ({
        type: "bar", name, barGap: "0%", barCategoryGap: "28%", itemStyle: { color: colors[place] },
        data: layers.map((layer) => ({
          value: 100 * shareOf(layer, key), layer,
          itemStyle: key === "time" && layer.out ? { color: color("alarm") } : {},
        })),
      })),
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "shadow", shadowStyle: { color: color("line"), opacity: 0.35 } },
        formatter: ([{ data: { layer } }]) => tip(layer.name, [
          ["kind", layer.kind],
          ["runs as one with", (layer.all || []).join(", ")],
          ["mult-adds", count(layer.mult_adds, layer.mult_adds_share)],
          ["memory access", count(layer.memory_access, layer.memory_access_share)],
          ["time", layer.time ? `${written(layer.time[0], "seconds")} (${percent(layer.time_share)})` : ""],
          ["95 % interval", layer.time ? interval(layer.time[1], layer.time[2], "seconds") : ""],
        ]),
      },
    },
  };
}
