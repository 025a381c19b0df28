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
header{display:flex;flex-wrap:wrap;gap:8px;align-items:center;padding:10px 16px}
input,button{font:inherit;color:inherit;background:var(--band);border:1px solid var(--edge);
  border-radius:8px;padding:5px 10px}
input{flex:0 1 18em;min-width:8em}
button{cursor:pointer}#hits{color:var(--caption)}
main{flex:1;min-height:0;overflow:auto;display:flex;cursor:grab;overscroll-behavior:contain}
main.moving{cursor:grabbing}
main svg{display:block;flex:none;margin:auto;user-select:none;-webkit-user-select:none}
.box,.column{cursor:pointer;outline:none}
.dim .box:not(.lit){opacity:.13}.dim .lit .column:not(.lit){opacity:.35}
.column:focus-visible text,.column.chosen text{font-weight:700}
.dim .edge:not(.lit,.key) .line{stroke:var(--faint)}.dim .edge:not(.lit) .head{fill:var(--faint)}
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
<button id="whole" type="button" aria-pressed="false">Fit</button>
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
const parts = [...svg.querySelectorAll(".column")];
const nodes = new Map([...boxes, ...parts.map(part => [part.dataset.id, part])]);
const edges = [...svg.querySelectorAll(".edge[data-from]")];
const idle = "Hover over a box to see what leads to it and what it leads to; click to keep it.";
let chosen = null;

const boxOf = id => id.split("\t")[0];
const within = id => [...boxes.get(id).querySelectorAll(".column")].map(part => part.dataset.id);
// What leads to a box as a whole decides which rows it has: it influences all of its columns.
const beside = (at, far) => at !== boxOf(at) ? (far === "from" ? [boxOf(at)] : [])
  : (far === "to" ? within(at) : []);
function reach(id, near, far) {
  const reached = new Set(boxes.has(id) ? [id, ...within(id)] : [id]);
  for (const at of reached) {
    for (const other of beside(at, far)) reached.add(other);
    for (const edge of edges) if (edge.dataset[near] === at) reached.add(edge.dataset[far]);
  }
  return reached;
}
function light(lit, lines) {
  svg.classList.toggle("dim", lit !== null);
  const around = new Set(lit === null ? [] : [...lit].map(boxOf));
  for (const [id, node] of nodes) {
    node.classList.toggle("lit", lit !== null && (lit.has(id) || around.has(id)));
    node.classList.toggle("chosen", id === chosen);
  }
  const first = svg.querySelector(".box");
  for (const edge of edges)
    if (edge.classList.toggle("lit", lit !== null && lines(edge.dataset))) first.before(edge);
}
function show(id) {
  const up = reach(id, "to", "from"), down = reach(id, "from", "to");
  light(new Set([...up, ...down]), ({from, to}) =>
    up.has(from) && up.has(to) || down.has(from) && down.has(to));
  const {label, facts, doc} = boxes.get(boxOf(id)).dataset;
  panel.replaceChildren(
    put("h2", boxes.has(id) ? label : nameOf(id)), put("p", facts, "facts"),
    ...(boxes.has(id) ? [
      told("from ", id, "to", "from", boxOf), told("to ", id, "from", "to", boxOf),
    ] : [
      told("value from ", id, "to", "from", end => end, false),
      told("influenced by ", id, "to", "from", end => end, true),
      told("value to ", id, "from", "to", end => end, false),
      told("influences ", id, "from", "to", end => end, true),
    ]), ...(doc ? [put("p", doc)] : []));
}
function nameOf(id) {
  const {label} = boxes.get(boxOf(id)).dataset;
  return boxes.has(id) ? label : `${label}.${nodes.get(id).textContent}`;
}
function told(words, id, near, far, part, influence) {
  const ids = boxes.has(id) ? [id, ...within(id)] : [id];
  if (influence && near === "to") ids.push(boxOf(id));
  const ends = edges.filter(edge => ids.includes(edge.dataset[near])
    && (influence === undefined || edge.classList.contains("influence") === influence))
    .map(edge => nameOf(part(edge.dataset[far])));
  return put("p", "", "", put("b", words), [...new Set(ends)].join(", ") || "nothing");
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
  for (const part of parts)
    if (part.textContent.toLowerCase().includes(words)) matches.add(part.dataset.id);
  light(matches, () => false);
  hits.textContent = matches.size === 1 ? "1 hit" : `${matches.size} hits`;
  if (matches.size) nodes.get([...matches][0]).scrollIntoView({block: "center", inline: "center"});
}
function choose(id) {
  chosen = chosen === id ? null : id;
  rest();
}

const full = svg.viewBox.baseVal, fit = document.getElementById("whole");
let scale = 1, grip = null, moved = false;
// The picture is drawn in its own size, in which all text is legible, and scrolled.
function zoom(next, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
  const share = Math.min(Math.max(next, 0.05), 8) / scale;
  scale *= share;
  svg.setAttribute("width", full.width * scale);
  svg.setAttribute("height", full.height * scale);
  stage.scrollTo((stage.scrollLeft + x) * share - x, (stage.scrollTop + y) * share - y);
  fit.setAttribute("aria-pressed", scale !== 1);
  fit.textContent = scale === 1 ? "Fit" : "Full size";
}
stage.addEventListener("wheel", event => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  const {left, top} = stage.getBoundingClientRect();
  zoom(scale * Math.exp(event.deltaY * -0.0015), event.clientX - left, event.clientY - top);
}, {passive: false});
stage.addEventListener("pointerdown", event => {
  moved = false;
  if (event.pointerType === "mouse") grip = [event.clientX, event.clientY];
});
addEventListener("pointermove", event => {
  if (grip === null) return;
  const [x, y] = [event.clientX - grip[0], event.clientY - grip[1]];
  if (!moved && Math.hypot(x, y) < 4) return;
  moved = true;
  grip = [event.clientX, event.clientY];
  stage.classList.add("moving");
  stage.scrollBy(-x, -y);
});
addEventListener("pointerup", () => { grip = null; stage.classList.remove("moving"); });
stage.addEventListener("click", event => {
  if (!moved && !event.target.closest(".box")) { chosen = null; rest(); }
});
for (const [id, node] of nodes) {
  node.setAttribute("tabindex", "0");
  node.setAttribute("role", "button");
  node.setAttribute("aria-label", nameOf(id));
  node.addEventListener("mouseover", event => {
    event.stopPropagation();
    if (chosen === null && grip === null) show(id);
  });
  node.addEventListener("mouseleave", () => { if (chosen === null) rest(); });
  node.addEventListener("click", event => {
    event.stopPropagation();
    if (!moved) choose(id);
  });
  node.addEventListener("keydown", event => {
    if (event.key !== "Enter") return;
    event.stopPropagation();
    choose(id);
  });
}
svg.setAttribute("role", "group");
search.addEventListener("input", () => { chosen = null; rest(); });
fit.addEventListener("click", () => {
  const whole = Math.min(stage.clientWidth / full.width, stage.clientHeight / full.height);
  zoom(scale === 1 ? whole : 1);
});
addEventListener("keydown", event => { if (event.key === "Escape") { chosen = null; rest(); } });
svg.querySelector(".box")?.scrollIntoView({block: "center", inline: "end"});
rest();
</script>
</body>
</html>
"""
