#include "train/report/page_parts.h"

namespace slm {

// Colours of runs are told apart by people with any colour vision, on light and on dark.
const std::string_view kPageStyle = R"css(
:root {
  --page: #f7f7f5; --card: #ffffff; --text: #1f2328; --faint: #667078; --line: #e3e5e8;
  --c0: #2a78d6; --c1: #d9621e; --c2: #16876a; --c3: #a33c86; --c4: #6a56c9; --c5: #8a6d10;
  --c6: #2b8fa6; --c7: #b8323a; --fault: #c4222c; color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1c2024; --text: #e6e8ea; --faint: #9aa4ac; --line: #30363c;
    --c0: #6aa9f2; --c1: #f0935a; --c2: #4cc2a0; --c3: #dd86c4; --c4: #a597f0; --c5: #d1b04c;
    --c6: #6cc4d8; --c7: #ee7f84; --fault: #ff7b81;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 1180px; padding: 20px 16px 48px; background: var(--page);
  color: var(--text); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif;
}
h1 { font-size: 22px; margin: 0 0 2px; }
h2 { font-size: 16px; margin: 0 0 8px; font-weight: 600; }
.sub { color: var(--faint); margin: 0 0 14px; }
.bar {
  display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center; padding: 8px 0 10px;
  position: sticky; top: 0; background: var(--page); z-index: 2;
}
.bar label { display: inline-flex; gap: 6px; align-items: center; color: var(--faint); }
.group { display: inline-flex; border: 1px solid var(--line); border-radius: 7px; overflow: hidden; }
button {
  font: inherit; color: var(--text); background: var(--card); border: 0; padding: 5px 12px;
  cursor: pointer;
}
.group button + button { border-left: 1px solid var(--line); }
button[aria-pressed="true"] { background: var(--text); color: var(--page); }
input[type="range"] { width: 110px; accent-color: var(--c0); }
.legend { display: flex; flex-wrap: wrap; gap: 6px; margin: 0 0 12px; }
.legend button {
  border: 1px solid var(--line); border-radius: 999px; padding: 3px 12px 3px 9px;
  display: inline-flex; align-items: center; gap: 7px; max-width: 100%; overflow-wrap: anywhere;
}
.legend button[aria-pressed="true"] { background: var(--card); color: var(--text); }
.legend button[aria-pressed="false"] { opacity: .45; }
.legend i { width: 14px; height: 4px; border-radius: 2px; flex: none; }
.charts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 14px 16px 12px; min-width: 0;
}
.wide { grid-column: 1 / -1; }
section.card { margin-top: 14px; }
.chart { position: relative; touch-action: pan-y; }
.chart svg { display: block; width: 100%; height: auto; overflow: visible; }
.chart text { fill: var(--faint); font-size: 12px; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--line); stroke-width: 1; }
.cursor { stroke: var(--faint); stroke-width: 1; stroke-dasharray: 3 3; }
.tip {
  position: absolute; pointer-events: none; background: var(--card); color: var(--text);
  border: 1px solid var(--line); border-radius: 7px; padding: 6px 9px; font-size: 13px;
  box-shadow: 0 3px 12px #0003; white-space: nowrap; display: none; z-index: 3; top: 0;
  font-variant-numeric: tabular-nums; max-width: 92%; overflow: hidden;
}
.tip i { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 6px; }
.key { color: var(--faint); font-size: 13px; margin: 6px 0 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td {
  text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--line); white-space: nowrap;
}
th { color: var(--faint); font-weight: 500; font-size: 13px; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tr:last-child td { border-bottom: 0; }
td.long { white-space: normal; overflow-wrap: anywhere; min-width: 9em; }
td i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 7px; }
ul { margin: 0; padding-left: 18px; }
li { overflow-wrap: anywhere; margin: 2px 0; }
.bad { color: var(--fault); }
footer { color: var(--faint); font-size: 13px; margin-top: 18px; }
@media (max-width: 720px) {
  .charts { grid-template-columns: minmax(0, 1fr); }
  body { padding: 14px 10px 40px; }
  .card { padding: 12px 10px 10px; }
}
)css";

}  // namespace slm
