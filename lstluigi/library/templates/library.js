// Search and sort the table of the library; without it the table is whole and unsorted.
"use strict";

const body = document.querySelector("#productions tbody");
const heads = [...document.querySelectorAll("#productions th")];
const rows = [...body.rows];
const field = (name) => document.getElementById(name);

function choose() {
  const words = field("text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const line = field("line").value;
  const lstchain = field("lstchain").value;
  let count = 0;
  for (const row of rows) {
    const fits =
      words.every((word) => row.dataset.text.includes(word)) &&
      (!line || row.dataset.lines.split(" ").includes(line)) &&
      (!lstchain || row.dataset.lstchain === lstchain);
    row.hidden = !fits;
    count += fits;
  }
  field("count").textContent = `${count} of ${rows.length} productions`;
}

function sort(column, descending) {
  const key = (row) => row.cells[column].dataset.key;
  const compare = (a, b) => key(a).localeCompare(key(b), "en", { numeric: true });
  // what is not known stands last, whichever way
  const order = (a, b) =>
    (key(a) === "") - (key(b) === "") || (descending ? compare(b, a) : compare(a, b));
  body.append(...rows.sort(order));
  heads.forEach((head, number) => {
    if (number === column) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
}

heads.forEach((head, column) => {
  head.querySelector("button").addEventListener("click", () => {
    sort(column, head.getAttribute("aria-sort") === "ascending");
  });
});
field("search").addEventListener("input", choose);
field("search").addEventListener("submit", (event) => event.preventDefault());
field("sort").addEventListener("change", (event) => sort(Number(event.target.value), false));

// #text=crab&sort=1: a search that can be kept as a link
const wanted = new URLSearchParams(location.hash.slice(1));
for (const name of ["text", "line", "lstchain"]) {
  if (wanted.has(name)) field(name).value = wanted.get(name);
}
if (wanted.has("sort")) {
  const column = Number(wanted.get("sort"));
  if (heads[column]) sort(column, wanted.get("order") === "descending");
}
choose();
