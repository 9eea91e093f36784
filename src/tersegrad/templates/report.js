"use strict";
// Tables that sort by the head of a column and that a search and four lists narrow down. Without a script they stand as they are.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells], rows = [...body.rows];
  const value = (row, k) => {
    const cell = row.cells[k], text = cell.dataset.value ?? cell.textContent.trim();
    return cell.dataset.value === undefined ? text : text === "" ? NaN : Number(text);
  };
  const before = (a, b) => {
    if (typeof a === "string") return a.localeCompare(b);
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b); // what was not measured comes last
    return a - b;
  };
  const sort = (k, falling) => {
    rows.sort((a, b) => {
      const x = value(a, k), y = value(b, k), missing = Number.isNaN(x) || Number.isNaN(y);
      return falling && !missing ? before(y, x) : before(x, y);
    });
    body.append(...rows);
    heads.forEach((head, j) => head.setAttribute("aria-sort", j !== k ? "none" : falling ? "descending" : "ascending"));
  };
  const order = document.querySelector(`select[data-sorts="${table.id}"]`);
  heads.forEach((head, k) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort"), high = head.dataset.first === "high";
      sort(k, now === "ascending" || (now !== "descending" && high));
      if (order) order.value = k;
    });
    order?.add(new Option(button.textContent, k, false, head.ariaSort === "descending"));
  });
  order?.addEventListener("change", () => sort(Number(order.value), heads[order.value].dataset.first === "high"));
  const form = document.querySelector(`form[data-filters="${table.id}"]`);
  if (!form) continue;
  const narrow = () => {
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const lists = [...form.querySelectorAll("select[name]")].filter((list) => list.value);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(words.every((word) => text.includes(word)) && lists.every((l) => row.dataset[l.name] === l.value));
      shown += !row.hidden;
    }
    form.querySelector("output").value = `${shown} of ${rows.length} shown`;
  };
  form.addEventListener("input", narrow);
  form.addEventListener("reset", () => setTimeout(narrow));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  narrow();
}
