"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const at = (id) => document.getElementById(id);
  const data = JSON.parse(at("data").textContent);
  const root = document.documentElement;
  const body = document.querySelector("#table tbody");
  const lines = [...body.rows];

  // theme: the reader's own until the button is pressed

  const reader = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : reader.matches);
  const nameTheme = () => {
    at("theme").textContent = isDark() ? "light mode" : "dark mode";
  };
  at("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  });
  reader.addEventListener("change", nameTheme);

  // table: sort and filter

  const heads = [...document.querySelectorAll("#table thead th")];

  const compared = (left, right, isText) => {
    if (left === "" || right === "") return (left === "") - (right === "");
    return isText ? (left < right ? -1 : left > right ? 1 : 0) : left - right;
  };

  function sortBy(index) {
    const head = heads[index];
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const isText = head.classList.contains("text");
    for (const each of heads) each.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const key = (line) => line.cells[index].dataset.value;
    const sorted = [...lines].sort((a, b) => {
      const order = compared(key(a), key(b), isText);
      const isEmpty = key(a) === "" || key(b) === "";
      return (isEmpty ? order : sign * order) || a.dataset.row - b.dataset.row;
    });
    body.append(...sorted);
  }

  heads.forEach((head, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sortBy(index));
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
  });

  let shown = data.rows;

  function filter() {
    const words = at("words").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const phis = new Set();
    for (const box of at("phis").querySelectorAll("input:checked")) phis.add(Number(box.value));
    const isNamed = (row) => {
      const text = `${row.topology} ${row.title}`.toLowerCase();
      return words.every((word) => text.includes(word));
    };
    shown = data.rows.filter((row) => phis.has(row.phi) && isNamed(row));
    const kept = new Set(shown);
    for (const line of lines) line.hidden = !kept.has(data.rows[line.dataset.row]);
    const names = new Set(data.rows.filter(isNamed).map((row) => row.topology));
    for (const figure of document.querySelectorAll("figure")) {
      figure.hidden = !names.has(figure.dataset.topology);
    }
    at("count").textContent = `${shown.length} of ${data.rows.length} rows`;
    draw();
  }

  at("filter").addEventListener("input", filter);
  at("filter").addEventListener("submit", (event) => event.preventDefault());

  // chart

  const topologies = [...new Set(data.rows.map((row) => row.topology))];
  const phis = [...new Set(data.rows.map((row) => row.phi))].sort((a, b) => a - b);
  const SHAPES = [
    (r) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`,
    (r) => `M${-r} ${-r}H${r}V${r}H${-r}Z`,
    (r) => `M0 ${-1.2 * r}L${1.2 * r} ${r}H${-1.2 * r}Z`,
    (r) => `M0 ${-1.4 * r}L${1.4 * r} 0L0 ${1.4 * r}L${-1.4 * r} 0Z`,
    (r) => `M0 ${1.2 * r}L${1.2 * r} ${-r}H${-1.2 * r}Z`,
    (r) => star(5, 1.5 * r, 0.65 * r),
    (r) => star(4, 1.6 * r, 0.55 * r),
    (r) => star(3, 1.6 * r, 0.8 * r),
  ];
  const COLOURS = 8;
  const FILLS = ["", " hollow", " dashed"];

  function star(points, outer, inner) {
    const corners = [];
    for (let i = 0; i < 2 * points; i++) {
      const angle = (Math.PI * i) / points - Math.PI / 2;
      const reach = i % 2 ? inner : outer;
      corners.push(`${(reach * Math.cos(angle)).toFixed(2)} ${(reach * Math.sin(angle)).toFixed(2)}`);
    }
    return `M${corners.join("L")}Z`;
  }

  const shapeOf = (phi) => SHAPES[phis.indexOf(phi) % SHAPES.length];
  const colourOf = (topology) => `c${topologies.indexOf(topology) % COLOURS}`;
  const fillOf = (topology) =>
    FILLS[Math.floor(topologies.indexOf(topology) / COLOURS) % FILLS.length];

  function make(name, attributes, parent) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (parent) parent.append(element);
    return element;
  }

  function amount(number, unit) {
    const scaled = unit === "ms" ? number * 1000 : number;
    const prefixes = unit === "ms" ? [] : [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
    const [scale, prefix] = prefixes.find(([each]) => scaled >= each * 0.99995) || [1, ""];
    const text = Number((scaled / scale).toPrecision(4));
    return `${text}${prefix ? ` ${prefix}` : ""}${unit ? (prefix ? unit : ` ${unit}`) : ""}`;
  }

  function scale(values, length, isLog) {
    let low = Math.min(...values);
    let high = Math.max(...values);
    const canLog = isLog && low > 0;
    if (!canLog) low = Math.min(0, low);
    if (low === high) {
      [low, high] = canLog ? [low / 2, high * 2] : [low, high || 1];
    }
    const map = canLog ? Math.log10 : (number) => number;
    const room = (map(high) - map(low)) * 0.06;
    const [start, end] = [map(low) - (canLog ? room : 0), map(high) + room];
    const place = (number) => ((map(number) - start) / (end - start)) * length;
    const ticks = canLog ? logTicks(10 ** start, 10 ** end) : linearTicks(start, end);
    return { place, ticks };
  }

  function logTicks(low, high) {
    const decades = Math.log10(high / low);
    const steps = decades > 3 ? [1] : decades > 1 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 7];
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const step of steps) ticks.push(Number((step * 10 ** power).toPrecision(6)));
    }
    const within = ticks.filter((tick) => tick >= low && tick <= high);
    return within.length > 1 ? within : linearTicks(low, high);
  }

  function linearTicks(low, high) {
    const rough = (high - low) / 5;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
    const ticks = [];
    for (let n = Math.ceil(low / step); n * step <= high; n++) {
      ticks.push(Number((n * step).toPrecision(6)));
    }
    return ticks;
  }

  /** Ticks whose labels do not run into each other. */
  function thinned(ticks, place, apart) {
    const kept = [];
    for (const tick of ticks) {
      if (!kept.length || Math.abs(place(tick) - place(kept[kept.length - 1])) >= apart) {
        kept.push(tick);
      }
    }
    return kept;
  }

  const axisOf = (id) => data.axes.find((axis) => axis.key === at(id).value);

  function draw() {
    hideTip();
    const chart = at("chart");
    const [x, y] = [axisOf("x"), axisOf("y")];
    const rows = shown.filter((row) => row[x.key] !== null && row[y.key] !== null);
    const width = Math.max(240, chart.clientWidth);
    const height = Math.round(Math.min(520, Math.max(280, width * 0.6)));
    const frame = { left: 62, right: 14, top: 26, bottom: 44 };
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "group" });
    svg.setAttribute("aria-label", `${y.name} against ${x.name}`);
    chart.replaceChildren(svg);
    if (!rows.length) {
      make("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, svg).textContent =
        "no row to show";
      return;
    }
    const across = scale(rows.map((row) => row[x.key]), width - frame.left - frame.right, at("log").checked);
    const up = scale(rows.map((row) => row[y.key]), height - frame.top - frame.bottom, at("log").checked);
    const toX = (number) => frame.left + across.place(number);
    const toY = (number) => height - frame.bottom - up.place(number);
    drawAxes(svg, { x, y, across, up, toX, toY, width, height, frame });
    drawTrails(svg, rows, (row) => [toX(row[x.key]), toY(row[y.key])]);
    drawMarks(svg, rows, x, y, (row) => [toX(row[x.key]), toY(row[y.key])]);
  }

  function drawAxes(svg, { x, y, across, up, toX, toY, width, height, frame }) {
    const bottom = height - frame.bottom;
    for (const tick of thinned(across.ticks, toX, 58)) {
      const place = toX(tick);
      make("line", { class: "grid", x1: place, x2: place, y1: frame.top, y2: bottom }, svg);
      const label = make("text", { x: place, y: bottom + 16, "text-anchor": "middle" }, svg);
      label.textContent = amount(tick, x.unit);
    }
    for (const tick of thinned(up.ticks, toY, 22)) {
      const place = toY(tick);
      make("line", { class: "grid", x1: frame.left, x2: width - frame.right, y1: place, y2: place }, svg);
      const label = make("text", { x: frame.left - 6, y: place + 4, "text-anchor": "end" }, svg);
      label.textContent = amount(tick, y.unit);
    }
    const end = { class: "axis", x: width - frame.right, y: height - 8, "text-anchor": "end" };
    make("text", end, svg).textContent = `${x.name} \u2192`;
    make("text", { class: "axis", x: 4, y: 14 }, svg).textContent = `\u2191 ${y.name}`;
  }

  function drawTrails(svg, rows, place) {
    for (const topology of topologies) {
      const own = rows.filter((row) => row.topology === topology).sort((a, b) => a.phi - b.phi);
      if (own.length < 2) continue;
      const d = `M${own.map((row) => place(row).map((n) => n.toFixed(1)).join(" ")).join("L")}`;
      const trail = make("path", { class: `trail ${colourOf(topology)}`, d }, svg);
      trail.dataset.topology = topology;
      trail.setAttribute("fill", "none");
    }
  }

  function drawMarks(svg, rows, x, y, place) {
    const ring = make("circle", { class: "ring", r: 11, visibility: "hidden" });
    const marks = rows.map((row) => {
      const [left, top] = place(row);
      const mark = make(
        "path",
        {
          class: `mark ${colourOf(row.topology)}${fillOf(row.topology)}`,
          d: shapeOf(row.phi)(5),
          transform: `translate(${left.toFixed(1)} ${top.toFixed(1)})`,
          tabindex: -1,
          role: "img",
        },
        svg,
      );
      const here = rows.filter((each) => isNear(place(each), [left, top]));
      const names = here.map((each) => `${each.topology}, phi ${each.phi}`).join("\n");
      const text = `${names}\n${x.name}: ${amount(row[x.key], x.unit)}\n${y.name}: ${amount(row[y.key], y.unit)}`;
      mark.setAttribute("aria-label", text.replaceAll("\n", ", "));
      mark.dataset.topology = row.topology;
      const show = () => showTip(svg, ring, text, left, top, row.topology);
      const hide = () => hideTip();
      mark.addEventListener("pointerenter", show);
      mark.addEventListener("focus", show);
      mark.addEventListener("pointerleave", hide);
      mark.addEventListener("blur", hide);
      return { mark, left, top };
    });
    svg.append(ring);
    walk(marks);
  }

  const isNear = ([x, y], [left, top]) => Math.abs(x - left) < 2 && Math.abs(y - top) < 2;

  /** One stop for Tab; arrow keys go from mark to mark, from left to right. */
  function walk(marks) {
    const inOrder = [...marks].sort((a, b) => a.left - b.left || b.top - a.top);
    const go = (index) => {
      const next = Math.max(0, Math.min(inOrder.length - 1, index));
      for (const each of inOrder) each.mark.setAttribute("tabindex", -1);
      inOrder[next].mark.setAttribute("tabindex", 0);
      inOrder[next].mark.focus();
    };
    inOrder[0].mark.setAttribute("tabindex", 0);
    inOrder.forEach(({ mark }, index) => {
      mark.addEventListener("keydown", (event) => {
        const steps = { ArrowRight: index + 1, ArrowUp: index + 1, ArrowLeft: index - 1, ArrowDown: index - 1, Home: 0, End: Infinity };
        if (event.key === "Escape") hideTip();
        if (!(event.key in steps)) return;
        event.preventDefault();
        go(steps[event.key]);
      });
    });
  }

  function showTip(svg, ring, text, left, top, topology) {
    const tip = at("tip");
    tip.textContent = text;
    tip.hidden = false;
    ring.setAttribute("cx", left);
    ring.setAttribute("cy", top);
    ring.setAttribute("visibility", "visible");
    const home = at("plot").getBoundingClientRect();
    const chart = svg.getBoundingClientRect();
    const middle = chart.left - home.left + (left * chart.width) / svg.viewBox.baseVal.width;
    const most = home.width - tip.offsetWidth;
    const above = chart.top - home.top + top - tip.offsetHeight - 14;
    const below = chart.top - home.top + top + 16;
    tip.style.left = `${Math.max(0, Math.min(most, middle - tip.offsetWidth / 2))}px`;
    tip.style.top = `${top > tip.offsetHeight + 14 ? above : below}px`;
    fade(topology);
  }

  function hideTip() {
    at("tip").hidden = true;
    for (const ring of at("chart").querySelectorAll(".ring")) ring.setAttribute("visibility", "hidden");
    fade(null);
  }

  function fade(topology) {
    for (const each of at("chart").querySelectorAll("[data-topology]")) {
      each.classList.toggle("faint", topology !== null && each.dataset.topology !== topology);
    }
  }

  function drawLegend() {
    const sample = (parent, phi, kind) => {
      const svg = make("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true" }, parent);
      make("path", { d: shapeOf(phi)(4.5), class: kind, "stroke-width": 2 }, svg);
    };
    for (const topology of topologies) {
      const entry = document.createElement("span");
      sample(entry, phis[0], `${colourOf(topology)}${fillOf(topology)}`);
      entry.append(topology);
      entry.addEventListener("pointerenter", () => fade(topology));
      entry.addEventListener("pointerleave", () => fade(null));
      at("legend").append(entry);
    }
    if (phis.length < 2) return;
    const shapes = document.createElement("span");
    shapes.className = "shapes";
    for (const phi of phis) {
      const entry = document.createElement("span");
      sample(entry, phi, "plain");
      entry.append(`phi ${phi}`);
      shapes.append(entry);
    }
    at("legend").append(shapes);
  }

  for (const [id, key] of [["x", data.x], ["y", data.y]]) {
    for (const axis of data.axes) at(id).append(new Option(axis.name, axis.key, false, axis.key === key));
    at(id).addEventListener("change", draw);
  }
  at("log").addEventListener("change", draw);
  for (const id of ["filter", "plot", "theme"]) at(id).hidden = false;
  nameTheme();
  drawLegend();
  filter();
  let width = at("chart").clientWidth;
  new ResizeObserver(() => {
    if (at("chart").clientWidth === width) return;
    width = at("chart").clientWidth;
    draw();
  }).observe(at("chart"));
})();
