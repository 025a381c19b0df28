// What pages do: theme, choices, data, figures, tables, charts. Texts are set as text, never as HTML.
"use strict";
(() => {
  const root = document.documentElement, base = root.dataset.root;
  const find = (selector, within = document) => within.querySelector(selector);
  const make = (name, text, attributes = {}) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const stored = {
    get: key => { try { return localStorage.getItem(key); } catch { return null; } },
    set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* closed */ } },
  };

  // Theme
  const theme = find("#theme"), system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const views = new Map();
  const themed = () => {
    theme.setAttribute("aria-pressed", String(isDark()));
    for (const view of views.values()) view.resize().runAsync();
  };
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    stored.set("lakehouse theme", root.dataset.theme);
    themed();
  });
  system.addEventListener("change", themed);
  themed();

  // What the pipeline is at, for all pages
  const state = window.lakehouseState;
  if (state) find("#state").textContent = state;

  // Data files call this; each holds blocks by their number.
  const data = new Map(), waiting = new Map();
  window.lakehouse = { data(path, blocks) { data.set(path, blocks); } };
  const load = path => {
    if (!path) return Promise.resolve({});
    if (data.has(path)) return Promise.resolve(data.get(path));
    if (!waiting.has(path)) {
      waiting.set(path, new Promise((done, fail) => {
        const script = make("script", undefined, { src: base + path });
        script.addEventListener("load", () => done(data.get(path)));
        script.addEventListener("error", () => { waiting.delete(path); fail(new Error(path)); });
        document.head.append(script);
      }));
    }
    return waiting.get(path);
  };

  // The inverse of lakehouse/site/values.py
  const decoded = column => {
    let values = column.d;
    if (column.v) return values.map(place => place === null ? null : column.v[place]);
    if (column.s === undefined) return values;
    let sum = 0;
    return values.map(step => step === null ? null : (sum += step * column.s));
  };
  const rowsOf = (block, chosen) => {
    const names = Object.keys(block.c), columns = names.map(name => decoded(block.c[name]));
    const rows = [];
    next: for (let i = 0; i < block.n; i++) {
      const row = {};
      for (let j = 0; j < names.length; j++) {
        const value = columns[j][i];
        if (names[j][0] === "?") {
          const choice = names[j].slice(1);
          if (choice in chosen && chosen[choice] !== value) continue next;
        } else row[names[j]] = value;
      }
      rows.push(row);
    }
    return rows;
  };

  // How long ago: the page does not know when it is read.
  const ago = text => {
    const then = new Date(text), minutes = Math.round((Date.now() - then) / 60000);
    if (Number.isNaN(minutes)) return text;
    const amount = Math.abs(minutes), words = minutes < 0 ? n => `in ${n}` : n => `${n} ago`;
    const of = (n, unit) => words(`${n} ${unit}${n === 1 ? "" : "s"}`);
    if (amount < 2) return "just now";
    if (amount < 120) return of(amount, "minute");
    if (amount < 2 * 1440) return of(Math.round(amount / 60), "hour");
    return of(Math.round(amount / 1440), "day");
  };
  for (const element of document.querySelectorAll("time[data-ago]")) {
    element.title = element.textContent;
    element.textContent = ago(element.dateTime);
  }

  // Search: tables and columns, by any part of their names
  const search = find("#search");
  if (search) {
    const list = find("#found");
    const look = async () => {
      const wanted = search.value.trim().toLowerCase(), found = [];
      for (const [table, path, columns] of wanted ? await load("assets/search.js") : []) {
        const named = columns.filter(column => column.toLowerCase().includes(wanted));
        if (table.toLowerCase().includes(wanted)) found.unshift([table, path, ""]);
        else if (named.length) found.push([table, path, named.slice(0, 4).join(", ")]);
      }
      list.hidden = !wanted;
      list.replaceChildren(...found.slice(0, 20).map(([table, path, columns]) => {
        const item = make("li"), link = make("a", table, { href: base + path });
        if (columns) link.append(make("span", ` ${columns}`, { class: "quiet" }));
        item.append(link);
        return item;
      }));
      if (wanted && !found.length) list.append(make("li", "nothing has this name", { class: "quiet" }));
    };
    search.addEventListener("input", look);
    find("#searching").addEventListener("submit", event => {
      event.preventDefault();
      find("a", list)?.click();
    });
  }

  // Code is loaded with the page that shows it.
  for (const box of document.querySelectorAll("[data-code]")) {
    load(box.dataset.code).then(parts => box.replaceChildren(...parts.map(([title, text], i) => {
      const details = make("details"), whole = make("pre");
      details.open = i === 0;
      whole.tabIndex = 0;
      whole.setAttribute("role", "region");
      whole.setAttribute("aria-label", title);
      whole.append(make("code", text));
      details.append(make("summary", title), whole);
      return details;
    })));
  }

  const head = find("#page-data");
  if (!head) return;
  const page = JSON.parse(head.textContent), controls = find("#choices");

  // Choices: in the address, else as last time, else what the data say, else the first
  const chosen = {};
  const choose = () => {
    const address = new URLSearchParams(location.hash.slice(1));
    for (const { name, values, first } of page.choices) {
      const kept = first ? first[chosen[page.split]] : chosen[name];
      const wanted = [address.get(name), stored.get("lakehouse choice " + name), kept];
      chosen[name] = wanted.find(value => values.includes(value)) ?? values[0];
      const select = find(`select[name="${name}"]`, controls);
      if (select) select.value = chosen[name] ?? "";
    }
  };

  const cell = (spec, row, element) => {
    const of = typeof spec.of === "string" ? spec.of : spec.of[chosen[spec.choice]];
    const unit = typeof spec.unit === "string" ? spec.unit : spec.unit[chosen[spec.choice]];
    const text = row?.[of] ?? "–";
    element.replaceChildren();
    if (spec.age && text !== "–") {
      element.append(make("time", ago(text), { datetime: text, title: new Date(text).toLocaleString() }));
    } else element.append(text);
    if (unit && text !== "–") element.append(make("span", `\u00a0${unit}`, { class: "unit" }));
    return element;
  };
  const table = (headings, rows, fill) => {
    const whole = make("table"), top = whole.createTHead().insertRow(), body = whole.createTBody();
    for (const [text, isNumber] of headings)
      top.append(make("th", text, { scope: "col", ...(isNumber ? { class: "number" } : {}) }));
    for (const row of rows) fill(body.insertRow(), row);
    return whole;
  };
  const none = () => make("p", "no rows", { class: "quiet" });
  const scrollable = (box, label) => {
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", label);
  };

  const show = {
    figures(element, spec, rows) {
      element.querySelectorAll(".value").forEach((dd, i) => cell(spec.figures[i], rows[0], dd));
    },
    rows(element, spec, rows) {
      const headings = spec.figures.map(figure => [figure.label, figure.number]);
      const whole = table(headings, rows, (line, row) => {
        for (const figure of spec.figures)
          {
          const td = cell(figure, row, line.appendChild(make("td", "", figure.number ? { class: "number" } : {})));
          if (td.textContent.length > 40) td.className = "long";
        }
      });
      const box = find(".rows", element);
      box.replaceChildren(rows.length ? whole : none());
      scrollable(box, find("figcaption", element).textContent);
    },
    notices(element, spec, rows) {
      const texts = rows.map(row => cell(spec.figures[0], row, make("p")));
      element.replaceChildren(...texts.filter(text => !["", "–"].includes(text.textContent)));
    },
    async chart(element, spec, rows, block) {
      const plot = find(".plot", element);
      views.get(element)?.finalize();
      views.delete(element);
      listed(element, rows, block);
      plot.classList.toggle("empty", !rows.length);
      if (!rows.length) { plot.replaceChildren(none()); return; }
      const vega = structuredClone(spec.vega);
      for (const set of vega.data) if (set.name === "rows") set.values = rows;
      for (const signal of vega.signals ?? []) if (signal.name in chosen) signal.value = chosen[signal.name];
      const { view } = await vegaEmbed(plot, vega, {
        mode: "vega", ast: true, actions: false, defaultStyle: false,
        renderer: rows.length > 4000 ? "canvas" : "svg",
        tooltip: { disableDefaultStyle: true },
        loader: { load: () => Promise.reject(new Error("nothing is loaded")) },
      });
      views.set(element, view);
      if (plot.scrollWidth > plot.clientWidth) plot.tabIndex = 0;
    },
  };
  const most = 500;
  const listed = (element, rows, block) => {
    const details = find("details", element), box = find(".rows", details);
    const fill = () => {
      if (!details.open) return;
      const names = Object.keys(block.c).filter(name => name[0] !== "?");
      const text = (name, value) => value === null || value === undefined ? "–"
        : block.c[name].t ? time(value) : String(value);
      const isNumber = name => rows.every(row => typeof (row[name] ?? 0) === "number") && !block.c[name].t;
      const numbers = names.map(isNumber);
      const whole = table(names.map((name, i) => [name, numbers[i]]), rows.slice(0, most), (line, row) => {
        names.forEach((name, i) =>
          line.append(make("td", text(name, row[name]), numbers[i] ? { class: "number" } : {})));
      });
      box.replaceChildren(rows.length ? whole : none());
      if (rows.length > most) box.append(make("p", `the first ${most} of ${rows.length} rows`));
      scrollable(box, `${find("figcaption", element).textContent}, as a table`);
    };
    details.ontoggle = fill;
    fill();
  };
  const time = value => {
    const text = new Date(value).toISOString();
    return text.endsWith("T00:00:00.000Z") ? text.slice(0, 10) : text.slice(0, 16).replace("T", " ");
  };

  let turn = 0;
  const draw = async () => {
    choose();
    const mine = ++turn, own = page.split ? page.files[chosen[page.split]] : null;
    let blocks;
    try {
      blocks = { ...await load(page.shared), ...await load(own) };
    } catch {
      find("#problem").textContent = "The data of this page were written anew: reload it.";
      return;
    }
    if (mine !== turn) return;
    for (const element of document.querySelectorAll("[data-block]")) {
      const number = element.dataset.block, spec = page.blocks[number];
      const block = blocks[number] ?? { n: 0, c: {} };
      await show[spec.kind](element, spec, rowsOf(block, chosen), block);
      if (mine !== turn) return;
    }
    root.dataset.drawn = String(mine);
  };

  controls?.addEventListener("change", event => {
    chosen[event.target.name] = event.target.value;
    stored.set("lakehouse choice " + event.target.name, event.target.value);
    const address = new URLSearchParams(location.hash.slice(1));
    address.set(event.target.name, event.target.value);
    history.replaceState(null, "", "#" + address);
    draw();
  });
  addEventListener("hashchange", draw);
  controls?.addEventListener("submit", event => event.preventDefault());
  draw();
})();
