"""The HTML page around a picture; `html` replaces title, colours and picture."""

PAGE = r"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title><!--title--></title>
<style>
/*colours*/
html,body{height:100%;margin:0}
body{display:flex;flex-direction:column;background:var(--ground);color:var(--text);
  font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
header{display:flex;gap:8px;align-items:center;padding:10px 16px}
input,button{font:inherit;color:inherit;background:var(--band);border:1px solid var(--edge);
  border-radius:8px;padding:5px 10px}
input{width:18em}
button{cursor:pointer}#hits{color:var(--caption)}
main{flex:1;min-height:0;overflow:hidden;cursor:grab;touch-action:none}
main.moving{cursor:grabbing}
main svg{display:block;width:100%;height:100%;user-select:none;-webkit-user-select:none}
.box{cursor:pointer;outline:none}
.dim .box:not(.lit){opacity:.13}
.dim .edge:not(.lit) .line{stroke:var(--faint)}.dim .edge:not(.lit) .head{fill:var(--faint)}
.dim .edge.lit .line{stroke:var(--text);stroke-width:2}.dim .edge.lit .head{fill:var(--text)}
.box:focus-visible .outline,.box.chosen .outline{stroke-width:3.2}
aside{height:9.5em;overflow:auto;padding:12px 16px;border-top:1px solid var(--edge);
  background:var(--band)}
aside h2{font-size:16px;margin:0}aside p{margin:4px 0;white-space:pre-line}
aside .facts,aside b{color:var(--caption);font-weight:400}
</style>
</head>
<body>
<header>
<input id="search" type="search" placeholder="Search" aria-label="Search boxes">
<button id="whole" type="button">Show all</button>
<span id="hits" role="status"></span>
</header>
<main>
<!--picture-->
</main>
<aside aria-live="polite"></aside>
<script>
"use strict";
const stage = document.querySelector("main"), svg = stage.querySelector("svg");
const panel = document.querySelector("aside"), search = document.getElementById("search");
const hits = document.getElementById("hits");
const boxes = new Map([...svg.querySelectorAll(".box")].map(box => [box.dataset.id, box]));
const edges = [...svg.querySelectorAll(".edge")];
const idle = "Hover over a box to see what leads to it and what it leads to; click to keep it.";
let chosen = null;

function reach(id, near, far) {
  const reached = new Set([id]);
  for (const at of reached)
    for (const edge of edges) if (edge.dataset[near] === at) reached.add(edge.dataset[far]);
  return reached;
}
function light(lit, lines) {
  svg.classList.toggle("dim", lit !== null);
  for (const [id, box] of boxes) {
    box.classList.toggle("lit", lit !== null && lit.has(id));
    box.classList.toggle("chosen", id === chosen);
  }
  const first = svg.querySelector(".box");
  for (const edge of edges)
    if (edge.classList.toggle("lit", lit !== null && lines(edge.dataset))) first.before(edge);
}
function show(id) {
  const up = reach(id, "to", "from"), down = reach(id, "from", "to");
  light(new Set([...up, ...down]), ({from, to}) =>
    up.has(from) && up.has(to) || down.has(from) && down.has(to));
  const {label, facts, doc} = boxes.get(id).dataset;
  const names = (near, far) => edges.filter(edge => edge.dataset[near] === id)
    .map(edge => boxes.get(edge.dataset[far]).dataset.label).join(", ") || "nothing";
  panel.replaceChildren(
    put("h2", label), put("p", facts, "facts"), ...(doc ? [put("p", doc)] : []),
    put("p", "", "", put("b", "from "), names("to", "from")),
    put("p", "", "", put("b", "to "), names("from", "to")));
}
function put(tag, text, style, ...inner) {
  const element = document.createElement(tag);
  element.className = style || "";
  element.append(text, ...inner);
  return element;
}
function rest() {
  const words = search.value.trim().toLowerCase();
  hits.textContent = "";
  if (chosen !== null) return show(chosen);
  panel.replaceChildren(put("p", idle, "facts"));
  if (!words) return light(null);
  const matches = new Set();
  for (const [id, {dataset: {label, facts, doc}}] of boxes)
    if ([id, label, facts, doc].join("\n").toLowerCase().includes(words)) matches.add(id);
  light(matches, () => false);
  hits.textContent = matches.size === 1 ? "1 box" : `${matches.size} boxes`;
}
function choose(id) {
  chosen = chosen === id ? null : id;
  rest();
}

const full = svg.viewBox.baseVal, home = [full.x, full.y, full.width, full.height];
let view = [...home], grip = null, moved = false;
const frame = next => svg.setAttribute("viewBox", (view = next).join(" "));
const point = event => new DOMPoint(event.clientX, event.clientY)
  .matrixTransform(svg.getScreenCTM().inverse());
stage.addEventListener("wheel", event => {
  event.preventDefault();
  const {x, y} = point(event), width = view[2] * Math.exp(event.deltaY * 0.0015);
  const share = Math.min(Math.max(width, home[2] / 30), home[2] * 2) / view[2];
  frame([x - (x - view[0]) * share, y - (y - view[1]) * share, view[2] * share, view[3] * share]);
}, {passive: false});
stage.addEventListener("pointerdown", event => { grip = point(event); moved = false; });
addEventListener("pointermove", event => {
  if (grip === null) return;
  const at = point(event), scale = svg.getScreenCTM().a;
  if (!moved && Math.hypot(at.x - grip.x, at.y - grip.y) * scale < 4) return;
  moved = true;
  stage.classList.add("moving");
  frame([view[0] + grip.x - at.x, view[1] + grip.y - at.y, view[2], view[3]]);
});
addEventListener("pointerup", () => { grip = null; stage.classList.remove("moving"); });
stage.addEventListener("click", event => {
  if (!moved && !event.target.closest(".box")) { chosen = null; rest(); }
});
for (const [id, box] of boxes) {
  box.setAttribute("tabindex", "0");
  box.setAttribute("role", "button");
  box.setAttribute("aria-label", box.dataset.label);
  box.addEventListener("mouseenter", () => { if (chosen === null && grip === null) show(id); });
  box.addEventListener("mouseleave", () => { if (chosen === null) rest(); });
  box.addEventListener("click", () => { if (!moved) choose(id); });
  box.addEventListener("keydown", event => { if (event.key === "Enter") choose(id); });
}
svg.setAttribute("role", "group");
search.addEventListener("input", () => { chosen = null; rest(); });
document.getElementById("whole").addEventListener("click", () => {
  chosen = null;
  search.value = "";
  frame([...home]);
  rest();
});
addEventListener("keydown", event => { if (event.key === "Escape") { chosen = null; rest(); } });
rest();
</script>
</body>
</html>
"""
