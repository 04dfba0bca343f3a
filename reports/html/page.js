"use strict";
// What every part of the page uses. A text of a result is only ever made a text node.
const data = JSON.parse(document.getElementById("data").textContent);
const charts = {};

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A control with a label before it, that is not a part of its name.
let controls = 0;
function labelled(label, control) {
  control.id = `control${(controls += 1)}`;
  return element("span", { class: "control" }, element("label", { for: control.id }, label), control);
}

// A select; options are [value, text].
function choice(label, options, value, changed) {
  const select = element("select", {});
  for (const [key, text] of options) {
    const option = element("option", { value: key }, text);
    option.selected = key === value;
    select.append(option);
  }
  select.addEventListener("change", () => changed(select.value));
  return labelled(label, select);
}

// What is shown where the pointer is: a heading, then pairs of a name and a value.
function tip(heading, pairs) {
  const list = element("dl", {});
  for (const [name, value] of pairs) {
    if (value !== null && value !== "") list.append(element("dt", {}, name), element("dd", {}, value));
  }
  return element("div", { class: "tip" }, element("b", {}, heading), list);
}

// Numbers as the results have them, in a unit of a readable size and with all digits that matter.
const plain = (number) => String(Number(number.toPrecision(6)));
const whole = (number) => number.toLocaleString("en-US");
const unitOf = (seconds) => (seconds >= 1 ? [1, "s"] : seconds >= 1e-3 ? [1e3, "ms"] : [1e6, "\u00b5s"]);

function written(number, kind) {
  if (kind === "percent") return `${plain(number)} %`;
  if (kind === "bytes") return `${whole(number)} B`;
  if (kind === "count") return whole(number);
  const [scale, unit] = unitOf(number);
  return `${plain(number * scale)} ${unit}`;
}

function interval(low, high, kind) {
  if (low === null || low === undefined) return "";
  if (kind !== "seconds") return `${plain(low)} to ${plain(high)}`;
  const [scale, unit] = unitOf(high);
  return `${plain(low * scale)} to ${plain(high * scale)} ${unit}`;
}

const percent = (share) => `${plain(100 * share)} %`;

// A count on an axis: 300 M.
function short(number) {
  for (const [size, prefix] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(number) >= size) return `${plain(number / size)} ${prefix}`;
  }
  return plain(number);
}

// The end of a long name says most.
const tail = (name, length) => (name.length > length ? `\u2026${name.slice(1 - length)}` : name);
const head = (name, length) => (name.length > length ? `${name.slice(0, length - 1)}\u2026` : name);

function listed(names, most) {
  const more = names.length - most;
  const said = names.slice(0, most).map((name) => tail(name, 40)).join(", ");
  return more > 0 ? `${said} and ${more} more` : said;
}
