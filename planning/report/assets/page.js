// Draws the figures from the JSON beside them, folds the code, and fits the figures to paper.
const plots = [...document.querySelectorAll(".plot")];
const specOf = (plot) => JSON.parse(plot.nextElementSibling.textContent);
plots.forEach((plot) => {
  if (typeof Plotly === "undefined") {
    plot.textContent = "This figure needs plotly.min.js, the file beside this page: keep them together.";
    return;
  }
  const spec = specOf(plot);
  Plotly.newPlot(plot, spec.data, spec.layout, spec.config);
});

const button = document.getElementById("toggle-code");
button?.addEventListener("click", () => {
  const open = button.getAttribute("aria-pressed") === "false";
  document.querySelectorAll("details.code").forEach((code) => { code.open = open; });
  button.setAttribute("aria-pressed", String(open));
  button.textContent = open ? "Hide all code" : "Show all code";
});

window.addEventListener("beforeprint", () => plots.forEach((plot) => Plotly.relayout(plot, { width: 660 })));
window.addEventListener("afterprint", () => plots.forEach((plot) => Plotly.relayout(plot, { width: specOf(plot).layout.width || null, autosize: true })));
