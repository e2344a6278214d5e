#include "train/report/page_parts.h"

namespace slm {

// kPageCharts stands behind it in the same element, so its functions are known from the start.
const std::string_view kPageScript = R"js(
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const state = { axis: "step", log: false, smooth: 0.6, hidden: new Set() };
const SVG = "http://www.w3.org/2000/svg";
const narrow = window.matchMedia("(max-width: 720px)");
const axes = { step: "step", tokens: "tokens", seconds: "time" };

function element(name, attributes, parent, text) {
  const e = document.createElementNS(SVG, name);
  for (const key in attributes) e.setAttribute(key, attributes[key]);
  if (text !== undefined) e.textContent = text;
  if (parent) parent.appendChild(e);
  return e;
}
function count(v) {
  const a = Math.abs(v);
  for (const [unit, suffix] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]])
    if (a >= unit) return +(v / unit).toPrecision(3) + suffix;
  return +v.toPrecision(3) + "";
}
function duration(s) {
  if (s < 60) return Math.round(s) + " s";
  if (s < 3600) return +(s / 60).toPrecision(3) + " min";
  return s < 172800 ? +(s / 3600).toPrecision(3) + " h" : +(s / 86400).toPrecision(3) + " d";
}
function place(v) {
  return state.axis === "seconds" ? duration(v) : state.axis === "step" && v < 1e5
    ? Math.round(v).toString() : count(v);
}
const shown = {
  loss: v => v.toFixed(v < 10 ? 4 : 2), lr: v => v.toExponential(2), norm: v => v.toPrecision(3),
  count: v => count(v), percent: v => (100 * v).toFixed(1) + "%", epochs: v => v.toPrecision(3)
};
const tickText = {
  loss: v => +v.toPrecision(4), lr: v => v === 0 ? "0" : v.toExponential(1).replace(".0e", "e"),
  norm: v => +v.toPrecision(3), count: count, percent: v => +(100 * v).toPrecision(3) + "%",
  epochs: v => +v.toPrecision(3)
};

function ticks(low, high, most) {
  const unit = Math.pow(10, Math.floor(Math.log10((high - low) / most)));
  const size = [1, 2, 5, 10].map(f => f * unit).find(t => (high - low) / t <= most) || unit * 10;
  const out = [];
  for (let i = Math.ceil(low / size - 1e-9); i * size <= high + size * 1e-9; ++i) out.push(i * size);
  return out;
}
function logTicks(low, high) {
  const out = [];
  for (let e = Math.floor(Math.log10(low)); Math.pow(10, e) <= high; ++e)
    for (const f of [1, 2, 5]) if (f * Math.pow(10, e) >= low && f * Math.pow(10, e) <= high)
      out.push(f * Math.pow(10, e));
  return out.length >= 2 ? out : ticks(low, high, 5);
}
// The mean of as many neighbours before as behind, fewer near the ends: it does not lag.
function smoothed(values, reach) {
  const sums = [0];
  for (const v of values) sums.push(sums[sums.length - 1] + v);
  return values.map((_, i) => {
    const r = Math.min(reach, i, values.length - 1 - i);
    return (sums[i + r + 1] - sums[i - r]) / (2 * r + 1);
  });
}

const charts = [];
document.querySelectorAll("[data-chart]").forEach((box, index) => {
  const chart = { ...data.charts[box.dataset.chart], box, index };
  chart.lines = chart.lines.filter(l => l.value.length > 0);
  if (chart.lines.length === 0) box.parentElement.hidden = true; else charts.push(chart);
});
function drawAll() { charts.forEach(draw); }
function press(buttons, chosen) {
  buttons.forEach(b => b.setAttribute("aria-pressed", b === chosen));
}
const axisButtons = [...document.querySelectorAll("[data-axis]")];
axisButtons.forEach(b => b.onclick = () => {
  state.axis = b.dataset.axis; press(axisButtons, b); drawAll();
});
const logButton = document.getElementById("log");
logButton.onclick = () => {
  state.log = !state.log; logButton.setAttribute("aria-pressed", state.log); drawAll();
};
document.getElementById("smooth").oninput = e => { state.smooth = e.target.value / 100; drawAll(); };
document.querySelectorAll("[data-run]").forEach(b => b.onclick = () => {
  const run = +b.dataset.run, hide = !state.hidden.has(run);
  if (hide) state.hidden.add(run); else state.hidden.delete(run);
  b.setAttribute("aria-pressed", !hide); drawAll();
});
let waiting = 0;
window.addEventListener("resize", () => {
  cancelAnimationFrame(waiting); waiting = requestAnimationFrame(drawAll);
});
drawAll();
)js";

}  // namespace slm
