// Tables: sorted, searched, and their columns chosen, by DataTables.
function improveTable(holder) {
  const table = holder.querySelector("table");
  const headers = [...table.tHead.rows[0].cells];
  const names = headers.map((header) => header.textContent);
  const sorts = holder.hasAttribute("data-sort");
  const total = table.tBodies[0].rows.length;
  const improved = new libraries.DataTable(table, {
    autoWidth: false,
    info: false,
    layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
    language: { zeroRecords: "Nothing has all of these words." },
    order: [],
    ordering: sorts,
    paging: false,
    columnDefs: headers.map((header, target) => ({
      targets: target,
      type: header.classList.contains("right") ? "num" : "string",
    })),
  });
  const toolbar = element("div", { class: "toolbar" });
  if (holder.hasAttribute("data-filter")) {
    const input = element("input", { type: "search", autocomplete: "off", spellcheck: "false" });
    const status = element("span", { class: "status", role: "status", "aria-live": "polite" });
    input.addEventListener("input", () => {
      improved.search(input.value).draw();
      const left = improved.rows({ search: "applied" }).count();
      status.textContent = input.value ? `${left} of ${total} rows` : "";
    });
    toolbar.append(labelled("Filter", input));
    if (headers.length > 4) toolbar.append(columnsOf(improved, names));
    toolbar.append(status);
  } else if (headers.length > 6) {
    toolbar.append(columnsOf(improved, names));
  }
  if (toolbar.children.length) holder.prepend(toolbar);
}

// A list of check boxes, one for each column but the first.
function columnsOf(improved, names) {
  const fieldset = element("fieldset", {}, element("legend", { class: "unseen" }, "Columns that are shown"));
  names.forEach((name, place) => {
    if (place === 0) return;
    const box = element("input", { type: "checkbox" });
    box.checked = true;
    box.addEventListener("change", () => improved.column(place).visible(box.checked));
    fieldset.append(element("label", {}, box, name));
  });
  const details = element("details", { class: "choose" }, element("summary", { class: "button" }, "Columns"), fieldset);
  details.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      details.open = false;
      details.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (!details.contains(event.target)) details.open = false;
  });
  return details;
}
