// The page's own script: filters, the map (drawn by Plotly), the list, the pinned query. Labels and file names only
// ever become text nodes, never HTML.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { classes, k, gallery, queries, palette } = data;
  const n = queries.names.length, UNKNOWN = -1, NOTHING = -2, PAGE = 60, ANSWERS_IN_TIP = 5;
  const hasProbability = queries.probability.some((value) => value !== null);
  const $ = (id) => document.getElementById(id);
  const state = { shown: [], listed: 0, order: [], pinned: null, thumbnails: false };

  // --- what the data say ---------------------------------------------------------------------------------------

  const labelOf = (code) => (code === UNKNOWN ? `${data.unknown} (none of these)` : classes[code]);
  const first = (row) => queries.codes[row * k];
  const sure = (row) => queries.probability[row * k] ?? queries.similarity[row * k] ?? 0;
  const sureness = Float64Array.from({ length: n }, (_, row) => sure(row));
  const NONE = "#a9adb3";
  const colourOf = (code) => (code === UNKNOWN ? NONE : palette.classes[data.colours[code]]);
  const percent = (value) => (value < 0.005 && value > 0 ? "<1%" : `${Math.round(100 * value)}%`);
  const isRight = (row, code) => queries.truth !== null && queries.truth[row] === code;
  const isMistake = (row) => queries.truth !== null && queries.truth[row] !== NOTHING && !isRight(row, first(row));

  function answersOf(row) {
    const answers = [];
    for (let at = row * k; at < (row + 1) * k && queries.codes[at] !== NOTHING; at++)
      answers.push({
        code: queries.codes[at], probability: queries.probability[at], similarity: queries.similarity[at],
        nearest: queries.nearest[at],
      });
    return answers;
  }

  // Thumbnails lie below this script as text, a line each, gallery first; a chunk is split when one of it is looked at
  const chunks = document.getElementsByClassName("thumbnails");
  const chunkSize = Number(document.getElementById("data").dataset.chunk);
  const split = new Map();
  function thumbnail(place) {
    const chunk = Math.floor(place / chunkSize);
    if (!split.has(chunk) && state.thumbnails) split.set(chunk, chunks[chunk].textContent.split("\n"));
    const text = split.get(chunk)?.[place % chunkSize];
    return text ? `data:image/webp;base64,${text}` : null;
  }
  const ofGallery = (row) => thumbnail(row);
  const ofQuery = (row) => thumbnail(gallery.names.length + row);

  // --- small pieces --------------------------------------------------------------------------------------------

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function picture(source, alternative) {
    return source ? element("img", { src: source, alt: alternative }) : element("span", { class: "blank" }, "unreadable");
  }

  function bar(value) {
    const inner = element("i");
    inner.style.width = `${100 * Math.max(0, Math.min(1, value ?? 0))}%`;
    return element("div", { class: "bar", "aria-hidden": "true" }, inner);
  }

  function numbers({ probability, similarity }) {
    const parts = [];
    if (probability !== null) parts.push(percent(probability));
    if (similarity !== null) parts.push(`similarity ${similarity.toFixed(2)}`);
    return parts.join(", ");
  }

  // --- filters -------------------------------------------------------------------------------------------------

  function wanted() {
    const text = $("search").value.trim().toLowerCase();
    const label = $("class").value.trim();
    const low = Number($("low")?.value || 0), high = Number($("high")?.value || 1);
    const matching = new Set();
    if (text) for (let code = 0; code < classes.length; code++) if (classes[code].toLowerCase().includes(text)) matching.add(code);
    if (text && data.unknown.toLowerCase() === text) matching.add(UNKNOWN);
    const code = label === "" ? null : label === data.unknown ? UNKNOWN : classes.indexOf(label);
    const onlyCode = label !== "" && code === -1 && label !== data.unknown ? undefined : code; // half a label: not yet
    return (row) => {
      if (onlyCode !== null && onlyCode !== undefined && first(row) !== onlyCode) return false;
      if ($("distractors").checked && first(row) !== UNKNOWN) return false;
      if ($("mistakes")?.checked && !isMistake(row)) return false;
      if (hasProbability && (sureness[row] < low || sureness[row] > high)) return false;
      if (!text || queries.names[row].toLowerCase().includes(text)) return true;
      for (let at = row * k; at < (row + 1) * k; at++) if (matching.has(queries.codes[at])) return true;
      return false;
    };
  }

  function explainColours() {
    const by = $("colour").value;
    const spot = (colour, words, kind = "") => {
      const dot = element("i", { class: kind });
      dot.style.background = colour;
      return element("span", {}, dot, words);
    };
    $("legend").replaceChildren(...({
      class: [element("span", {}, "Dots are queries, coloured by their first answer; colours repeat."), spot(NONE, "none of these")],
      distractor: [spot(palette.known, "identified"), spot(palette.distractor, "none of these")],
      confidence: [element("span", {}, `Dots are queries, coloured by the ${hasProbability ? "probability" : "similarity"} of their first answer.`)],
    })[by], spot("", "gallery", "shots"));
  }

  function update() {
    explainColours();
    const keep = wanted();
    state.shown = [];
    for (let row = 0; row < n; row++) if (keep(row)) state.shown.push(row);
    const unknown = state.shown.filter((row) => first(row) === UNKNOWN).length;
    const share = state.shown.length === n ? `all ${n.toLocaleString("en")}` : `${state.shown.length.toLocaleString("en")} of ${n.toLocaleString("en")}`;
    $("count").textContent = `Shown: ${share} queries, ${unknown.toLocaleString("en")} of them none of these.`;
    if (drawn) drawMap();
    refill();
  }

  // --- the list ------------------------------------------------------------------------------------------------

  const ORDERS = {
    given: () => 0,
    surest: (a, b) => sureness[b] - sureness[a],
    unsure: (a, b) => sureness[a] - sureness[b],
    distractors: (a, b) => queries.score[b] - queries.score[a],
  };

  function refill() {
    state.order = [...state.shown].sort(ORDERS[$("order").value]);
    state.listed = 0;
    $("list").replaceChildren();
    fill();
  }

  function fill() {
    const rows = state.order.slice(state.listed, state.listed + PAGE);
    state.listed += rows.length;
    $("list").append(...rows.map(card));
  }

  function card(row) {
    const [best] = answersOf(row);
    const name = best.code === UNKNOWN ? "none of these" : labelOf(best.code);
    const holder = element("span", { class: "blank" });
    holder.dataset.row = row;
    if (state.thumbnails) seen.observe(holder); // its picture is set once it scrolls into view
    const mark = (queries.truth?.[row] ?? NOTHING) === NOTHING ? "" : isMistake(row) ? "✗" : "✓";
    const said = numbers({ ...best, similarity: best.probability === null ? best.similarity : null });
    const button = element(
      "button", { type: "button", "aria-pressed": String(row === state.pinned), title: queries.names[row] },
      holder, element("span", {}, element("b", {}, name)), element("span", {}, said, element("span", { class: "mark" }, mark)), bar(best.probability ?? best.similarity),
    );
    button.dataset.query = row;
    button.addEventListener("click", () => pin(row, true));
    return element("li", best.code === UNKNOWN ? { class: "none" } : {}, button);
  }

  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries)
      if (isIntersecting) {
        seen.unobserve(target);
        const row = Number(target.dataset.row);
        target.replaceWith(picture(ofQuery(row), queries.names[row]));
      }
  }, { rootMargin: "300px" });
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && state.listed < state.order.length) fill();
  }, { rootMargin: "800px" }).observe($("more"));

  // --- the pinned query ----------------------------------------------------------------------------------------

  function pin(row, focus = false) {
    state.pinned = row;
    hideTip();
    for (const button of $("list").querySelectorAll("button")) button.setAttribute("aria-pressed", String(Number(button.dataset.query) === row));
    markPinned();
    if (row === null) {
      $("pinned").replaceChildren(element("p", { class: "hint" }, "Click a point or a picture: its answers stand here, each with the gallery picture nearest to it."));
      return;
    }
    const [file, ...folders] = queries.names[row].split("/").reverse();
    const head = element("div", {}, element("h3", {}, file));
    if (folders.length) head.append(element("small", {}, `in ${folders.reverse().join("/")}`));
    const truth = queries.truth?.[row] ?? NOTHING;
    if (truth !== NOTHING) head.append(element("p", { class: "hint" }, `In truth: ${labelOf(truth)}`));
    const walk = element("div", { class: "walk" });
    for (const [text, act] of [["← previous", () => step(-1)], ["next →", () => step(1)], ["let go", () => pin(null)]]) {
      const button = element("button", { type: "button" }, text);
      button.addEventListener("click", act);
      walk.append(button);
    }
    head.append(walk);
    const answers = answersOf(row).map((answer) => {
      const shot = answer.code === UNKNOWN
        ? element("span", { class: "blank" }, "none of these")
        : picture(ofGallery(answer.nearest), gallery.names[answer.nearest]);
      const kinds = [answer.code === UNKNOWN ? "none" : "", isRight(row, answer.code) ? "right" : ""];
      return element(
        "li", { class: kinds.join(" ").trim() }, shot,
        element("div", {}, element("b", {}, labelOf(answer.code)), bar(answer.probability ?? answer.similarity), element("small", {}, numbers(answer))),
      );
    });
    $("pinned").replaceChildren(
      element("div", { class: "query" }, picture(ofQuery(row), queries.names[row]), head), element("ol", { class: "answers" }, ...answers),
    );
    if (focus && matchMedia("(max-width: 900px)").matches) $("pinned").scrollIntoView({ block: "nearest" });
  }

  function step(by) {
    if (!state.order.length) return;
    const at = state.order.indexOf(state.pinned);
    pin(state.order[(at + by + state.order.length) % state.order.length]);
    $("pinned").focus();
  }

  // --- the map -------------------------------------------------------------------------------------------------

  const SHOWN = 1, GALLERY = 2, PINNED = 3; // traces; 0 are the queries filtered out
  const webgl = (() => { try { return Boolean(document.createElement("canvas").getContext("webgl")); } catch { return false; } })();
  const kind = webgl ? "scattergl" : "scatter";
  const sizeOf = (count) => Math.max(4, Math.min(9, 320 / Math.sqrt(count))); // of points, pixels
  const size = sizeOf(n), sizeOfShots = Math.max(size, sizeOf(2 * gallery.x.length));
  const take = (values, rows) => rows.map((row) => values[row]);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const span = (...lists) => { // what lies on the map, and a little room
    let low = Infinity, high = -Infinity;
    for (const list of lists) for (const value of list) if (value !== null) { low = Math.min(low, value); high = Math.max(high, value); }
    const room = 0.04 * (high - low) || 1;
    return [low - room, high + room];
  };
  const across = span(queries.x, gallery.x), upwards = span(queries.y, gallery.y);
  const home = () => ({ "xaxis.range": [...across], "yaxis.range": [...upwards] });
  let drawn = false;

  function marker(rows) {
    const by = $("colour").value;
    if (by === "distractor") return { color: rows.map((row) => (first(row) === UNKNOWN ? palette.distractor : palette.known)) };
    if (by === "confidence")
      return {
        color: rows.map((row) => sureness[row]), colorscale: "Cividis", cmin: hasProbability ? 0 : undefined, cmax: hasProbability ? 1 : undefined,
        showscale: true, colorbar: { thickness: 10, len: 0.5, outlinewidth: 0, tickfont: { color: css("--ink") }, x: 1, xanchor: "right" },
      };
    return { color: rows.map((row) => colourOf(first(row))) };
  }

  function drawMap() {
    const inside = new Uint8Array(n);
    for (const row of state.shown) inside[row] = 1;
    const others = [];
    for (let row = 0; row < n; row++) if (!inside[row]) others.push(row);
    const base = { type: kind, mode: "markers", hoverinfo: "none" };
    const traces = [
      { ...base, hoverinfo: "skip", x: take(queries.x, others), y: take(queries.y, others), marker: { size: size * 0.7, color: css("--line"), opacity: 0.6 } },
      { ...base, x: take(queries.x, state.shown), y: take(queries.y, state.shown), customdata: state.shown, marker: { size, opacity: 0.9, ...marker(state.shown) } },
      { ...base, x: gallery.x, y: gallery.y, customdata: gallery.x.map((_, row) => row),
        marker: { symbol: "diamond", size: sizeOfShots, color: $("colour").value === "class" ? gallery.codes.map(colourOf) : css("--paper"), line: { width: 0.8, color: css("--ink") } } },
      { ...base, hoverinfo: "skip", ...ring() },
    ];
    const axis = { visible: false, zeroline: false };
    const finger = matchMedia("(pointer: coarse)").matches; // it moves the page; the map's buttons zoom
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false,
      dragmode: finger ? false : "pan", hovermode: "closest", hoverdistance: 12, uirevision: "same",
      modebar: { bgcolor: "rgba(0,0,0,0)", color: css("--soft"), activecolor: css("--ink") },
      xaxis: { ...axis, range: [...across] }, yaxis: { ...axis, range: [...upwards], scaleanchor: "x" },
    };
    const config = { displaylogo: false, scrollZoom: !finger, displayModeBar: finger || "hover", responsive: true, modeBarButtons: [["zoomIn2d", "zoomOut2d", "resetScale2d"]] };
    const done = Plotly.react("map", traces, layout, config);
    if (drawn) return;
    done.then(() => performance.mark("drawn")); // benchmarks/report.py reads it
    drawn = true;
    const map = $("map");
    map.on("plotly_hover", ({ points: [point], event }) => showTip(point, event));
    map.on("plotly_unhover", hideTip);
    map.on("plotly_click", ({ points: [point] }) => { if (point.curveNumber === SHOWN) pin(point.customdata, true); });
    map.addEventListener("keydown", moveByKey);
  }

  function ring() {
    const on = state.pinned !== null;
    return {
      x: on ? [queries.x[state.pinned]] : [], y: on ? [queries.y[state.pinned]] : [],
      marker: { symbol: "circle-open", size: size + 12, color: css("--ink"), line: { width: 3, color: css("--ink") } },
    };
  }

  function markPinned() {
    const { x, y, marker } = ring();
    if (drawn) Plotly.restyle("map", { x: [x], y: [y], marker: [marker] }, [PINNED]);
  }

  function moveByKey(event) {
    const zoom = { "+": 0.8, "=": 0.8, "-": 1.25, "_": 1.25 }[event.key];
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const { xaxis, yaxis } = $("map").layout;
    if (event.key === "0") Plotly.relayout("map", home());
    else if (zoom || move) {
      const range = ([low, high], by) => {
        const middle = (low + high) / 2 + 0.15 * by * (high - low), half = ((high - low) / 2) * (zoom ?? 1);
        return [middle - half, middle + half];
      };
      const [right, up] = move ?? [0, 0];
      Plotly.relayout("map", { "xaxis.range": range(xaxis.range, right), "yaxis.range": range(yaxis.range, up) });
    } else return;
    event.preventDefault();
  }

  function showTip(point, event) {
    const tip = $("tip");
    if (point.curveNumber === GALLERY) {
      const row = point.customdata;
      tip.replaceChildren(
        element("p", {}, "In the gallery"),
        element("div", { class: "line" }, picture(ofGallery(row), gallery.names[row]), element("b", {}, labelOf(gallery.codes[row]))),
      );
    } else {
      const row = point.customdata;
      const lines = answersOf(row).slice(0, ANSWERS_IN_TIP).map((answer) =>
        element("li", {}, `${labelOf(answer.code)} ${answer.probability !== null ? percent(answer.probability) : (answer.similarity?.toFixed(2) ?? "")}`));
      tip.replaceChildren(
        element("p", {}, queries.names[row]),
        element("div", { class: "line" }, picture(ofQuery(row), queries.names[row]), element("ol", {}, ...lines)),
      );
    }
    tip.hidden = false;
    const { clientX: x, clientY: y } = event;
    tip.style.left = `${Math.max(8, Math.min(x + 16, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(8, y + 16 + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 12 : y + 16)}px`;
  }

  function hideTip() { $("tip").hidden = true; }

  // --- begin ---------------------------------------------------------------------------------------------------

  $("classes").append(...[...classes, data.unknown].map((label) => element("option", { value: label })));
  let waiting;
  $("filters").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(update, 120); });
  $("filters").addEventListener("reset", () => setTimeout(update));
  $("order").addEventListener("change", refill);
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
    if (event.key === "Escape") pin(null);
    else if (event.key === "/" && !typing) { event.preventDefault(); $("search").focus(); }
    else if ($("pinned").contains(document.activeElement) && event.key === "ArrowLeft") step(-1);
    else if ($("pinned").contains(document.activeElement) && event.key === "ArrowRight") step(1);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMap);
  update();
  performance.mark("listed"); // benchmarks/report.py reads it
  addEventListener("thumbnails", () => { // all there: the list was there before them
    state.thumbnails = true;
    for (const holder of $("list").querySelectorAll("[data-row]")) seen.observe(holder);
    if (state.pinned !== null) pin(state.pinned); // it was pinned before its pictures were there
  });
  addEventListener("load", () => setTimeout(drawMap)); // Plotly comes last: by then the page can be read and used
})();
