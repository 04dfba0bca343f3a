// Of how many fragments the networks' building blocks are made, and how many could run side by side.
const COUNTS = [
  ["mean_fragments", "fragments per block, mean"], ["max_fragments", "most fragments"], ["max_branches", "most branches"],
];

charts.fragmentation = (found) => ({ controls: [], draw: (width) => drawFragmentation(found.networks, width) });

function drawFragmentation(networks, width) {
  const { color, series } = theme();
  return {
    height: 110 + networks.length * 36,
    label: `Bar chart of the fragments and branches of the building blocks of ${networks.length} networks`,
    said: "",
    option: {
      grid: { ...roomFor(width), top: width < 500 ? 84 : 40 },
      legend: legend({ data: COUNTS.map(([, name]) => name) }),
      xAxis: axis({ type: "value", name: "in a building block", nameGap: 28, minInterval: 1 }),
      yAxis: rowsOf(networks.map((network) => network.name), width),
      series: COUNTS.map(([key, name], place) => ({
        type: "bar", name, barGap: "0%", barCategoryGap: "28%", itemStyle: { color: series[[0, 5, 1][place]] },
        data: networks.map((network) => ({ value: network[key], network })),
      })),
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "shadow", shadowStyle: { color: color("line"), opacity: 0.35 } },
        formatter: ([{ data: { network } }]) => tip(network.name, [
          ...COUNTS.map(([key, name]) => [name, network[key] === null ? "" : plain(network[key])]),
          ["blocks", network.blocks === null ? "" : whole(network.blocks)],
        ]),
      },
    },
  };
}
