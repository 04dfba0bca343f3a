// Everything is there: improve the tables, draw the charts, and draw them again where the page changes.
const redraw = () => drawn.forEach((chart) => chart.draw());

const widths = new ResizeObserver(() => {
  if (printing) return;
  for (const chart of drawn) {
    if (chart.width !== chart.scroll.clientWidth) {
      chart.width = chart.scroll.clientWidth;
      chart.draw();
    }
  }
});

function start() {
  document.querySelectorAll("figure[data-chart]").forEach(place);
  document.querySelectorAll(".table[data-sort], .table[data-filter]").forEach(improveTable);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  matchMedia("(prefers-contrast: more)").addEventListener("change", redraw);
  drawn.forEach((chart) => widths.observe(chart.scroll));
  const wanted = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (wanted) wanted.scrollIntoView();
  document.documentElement.dataset.ready = "";
}

// On paper everything is open, light, and as wide as a page.
let closed = [];
function print(on) {
  if (on === printing) return;
  printing = on;
  document.documentElement.classList.toggle("printing", on);
  if (on) closed = [...document.querySelectorAll("main section > details:not([open])")];
  closed.forEach((details) => { details.open = on; });
  redraw();
}
addEventListener("beforeprint", () => print(true));
addEventListener("afterprint", () => print(false));
matchMedia("print").addEventListener("change", (event) => print(event.matches));

// After the text has been painted, which can be read meanwhile.
requestAnimationFrame(() => setTimeout(start));
