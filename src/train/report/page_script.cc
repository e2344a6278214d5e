#include "train/report/page_parts.h"

namespace slm {

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
function visible(chart) {
  return chart.lines.filter(l => !state.hidden.has(l.run) && l.value.length > 0);
}
function bounds(chart, log) {
  let x0 = Infinity, x1 = -Infinity, y = [];
  for (const line of visible(chart)) {
    const xs = line[state.axis];
    x0 = Math.min(x0, xs[0]); x1 = Math.max(x1, xs[xs.length - 1]);
    for (const v of line.value) if (!log || v > 0) y.push(v);
  }
  if (y.length === 0) return null;
  y.sort((a, b) => a - b);
  // A spike must not flatten everything else: of many points the highest two in a hundred may leave.
  let y0 = y[0], y1 = chart.spiky && y.length > 200 ? y[Math.floor(y.length * 0.98)] : y[y.length - 1];
  if (chart.zero && !log) y0 = Math.min(0, y0);
  if (y1 <= y0) { y1 = y0 + Math.abs(y0 || 1) * 0.1; if (!chart.zero) y0 -= Math.abs(y0 || 1) * 0.1; }
  if (chart.zero || x0 < 0.1 * x1) x0 = 0;
  if (x1 <= x0) x1 = x0 + 1;
  const pad = log ? 0 : (y1 - y0) * 0.04;
  return { x0, x1, y0: chart.zero && y0 === 0 ? 0 : y0 - pad, y1: log ? y1 : y1 + pad };
}

function draw(chart) {
  const box = chart.box, width = Math.max(280, box.clientWidth);
  const height = chart.marks ? (narrow.matches ? 250 : 360) : 220;
  const m = { left: 58, right: 12, top: 8, bottom: 26 };
  box.replaceChildren();
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" }, box);
  svg.setAttribute("aria-label", chart.title);
  const log = chart.canLog && state.log, b = bounds(chart, log);
  if (!b) { element("text", { x: m.left, y: height / 2 }, svg, "nothing to show"); return; }
  const X = v => m.left + (v - b.x0) / (b.x1 - b.x0) * (width - m.left - m.right);
  const f = log ? v => Math.log(Math.max(v, b.y0)) : v => v;
  const Y = v => height - m.bottom -
    (f(v) - f(b.y0)) / (f(b.y1) - f(b.y0)) * (height - m.top - m.bottom);
  for (const v of log ? logTicks(b.y0, b.y1) : ticks(b.y0, b.y1, chart.wide ? 7 : 5)) {
    element("line", { class: "grid", x1: m.left, x2: width - m.right, y1: Y(v), y2: Y(v) }, svg);
    element("text", { x: m.left - 8, y: Y(v) + 4, "text-anchor": "end" }, svg,
      tickText[chart.format](v));
  }
  const scale = state.axis !== "seconds" ? 1 : b.x1 > 172800 ? 86400 : b.x1 > 7200 ? 3600
    : b.x1 > 120 ? 60 : 1;
  for (const v of ticks(b.x0 / scale, b.x1 / scale, width < 420 ? 4 : 7))
    element("text", { x: X(v * scale), y: height - 8, "text-anchor": "middle" }, svg,
      v === 0 ? "0" : place(v * scale));
  const id = "clip" + chart.index;
  element("rect", { x: m.left, y: m.top, width: width - m.left - m.right,
    height: height - m.top - m.bottom }, element("clipPath", { id }, svg));
  const inside = element("g", { "clip-path": `url(#${id})`, fill: "none",
    "stroke-linejoin": "round" }, svg);
  if (chart.marks) drawMarks(svg, X, m, height);
  for (const line of visible(chart)) drawLine(inside, line, chart, X, Y, log);
  for (const line of visible(chart)) if (line.label) {
    const last = line.value.length - 1;
    element("text", { x: X(line[state.axis][last]) - 4, y: Y(line.value[last]) - 7,
      "text-anchor": "end" }, svg, line.label);
  }
  follow(chart, svg, X, b, m, width, height);
}
function points(xs, ys, X, Y, log) {
  let out = "";
  for (let i = 0; i < xs.length; ++i)
    if (!log || ys[i] > 0) out += X(xs[i]).toFixed(1) + "," + Y(ys[i]).toFixed(1) + " ";
  return out;
}
function drawLine(parent, line, chart, X, Y, log) {
  const xs = line[state.axis], smooth = line.smooth && state.smooth > 0;
  const style = { stroke: `var(--c${line.colour})` };
  if (line.dots) {
    element("polyline", { ...style, "stroke-width": 2, "stroke-dasharray": "5 4",
      points: points(xs, line.value, X, Y, log) }, parent);
    for (let i = 0; i < xs.length && xs.length <= 60; ++i)
      element("circle", { cx: X(xs[i]), cy: Y(line.value[i]), r: 3,
        fill: `var(--c${line.colour})` }, parent);
    return;
  }
  if (smooth)
    element("polyline", { ...style, "stroke-width": 1, opacity: 0.28,
      points: points(xs, line.value, X, Y, log) }, parent);
  const values = smooth ? smoothed(line.value, reach(line.value.length)) : line.value;
  element("polyline", { ...style, "stroke-width": chart.wide ? 2 : 1.6,
    points: points(xs, values, X, Y, log) }, parent);
  if (xs.length === 1)
    element("circle", { cx: X(xs[0]), cy: Y(line.value[0]), r: 3,
      fill: `var(--c${line.colour})` }, parent);
}
// The slider is a share of the curve that a mean reaches over, the same for short and long runs.
function reach(length) { return Math.round(Math.pow(state.smooth, 3) * length / 12); }

function drawMarks(svg, X, m, height) {
  data.runs.forEach((run, r) => {
    if (state.hidden.has(r)) return;
    for (const mark of run.marks) {
      const x = X(mark[state.axis]), bad = mark.kind === "fault";
      const g = element("g", {}, svg);
      if (bad) element("line", { x1: x, x2: x, y1: m.top, y2: height - m.bottom,
        stroke: "var(--fault)", "stroke-width": 1, "stroke-dasharray": "2 3" }, g);
      element("path", { d: bad ? `M${x - 4},${m.top}h8l-4,7z`
        : `M${x},${height - m.bottom - 7}l3.5,7h-7z`,
        fill: bad ? "var(--fault)" : `var(--c${run.colour})`, opacity: bad ? 1 : 0.75 }, g);
      element("title", {}, g, `${mark.kind} at step ${mark.step}: ${mark.text}`);
    }
  });
}

function nearest(xs, x) {
  let low = 0, high = xs.length - 1;
  while (high - low > 1) { const mid = (low + high) >> 1; if (xs[mid] < x) low = mid; else high = mid; }
  return Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high;
}
function follow(chart, svg, X, b, m, width, height) {
  const line = element("line", { class: "cursor", y1: m.top, y2: height - m.bottom,
    visibility: "hidden" }, svg);
  const tip = document.createElement("div");
  tip.className = "tip";
  chart.box.appendChild(tip);
  const leave = () => { line.setAttribute("visibility", "hidden"); tip.style.display = "none"; };
  chart.box.onpointerleave = leave;
  chart.box.onpointermove = event => {
    const rect = svg.getBoundingClientRect(), px = (event.clientX - rect.left) * width / rect.width;
    if (px < m.left || px > width - m.right) return leave();
    const x = b.x0 + (px - m.left) / (width - m.left - m.right) * (b.x1 - b.x0);
    line.setAttribute("x1", px); line.setAttribute("x2", px);
    line.setAttribute("visibility", "visible");
    tip.replaceChildren(axes[state.axis] + " " + place(x));
    for (const l of visible(chart)) {
      const i = nearest(l[state.axis], x), row = document.createElement("div");
      const dot = document.createElement("i");
      dot.style.background = `var(--c${l.colour})`;
      const values = l.smooth && state.smooth > 0 ? smoothed(l.value, reach(l.value.length)) : l.value;
      row.append(dot, l.name + " " + shown[chart.format](values[i]));
      tip.appendChild(row);
    }
    tip.style.display = "block";
    const left = px * rect.width / width;
    tip.style.left = (left + 14 + tip.offsetWidth > rect.width
      ? Math.max(0, left - tip.offsetWidth - 14) : left + 14) + "px";
  };
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
