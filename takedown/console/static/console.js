// Keys of the queue: j and k walk through the cases, / goes to the search. Everything works without them.
"use strict";
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const search = document.querySelector("[type=search]");
  if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
    search.select();
    return;
  }
  if (event.key !== "j" && event.key !== "k") return;
  const cases = [...document.querySelectorAll("#rows a.case")];
  if (!cases.length) return;
  const here = cases.indexOf(document.activeElement);
  const next = event.key === "j" ? here + 1 : here < 0 ? 0 : here - 1;
  cases[Math.min(Math.max(next, 0), cases.length - 1)].focus();
});
// A second click must not post twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
