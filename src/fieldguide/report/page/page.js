// The page's own script: filters, the map (drawn by Plotly), the list, the pinned query. Labels and file names only
// ever become text nodes, never HTML.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { classes, k, gallery, queries, palette } = data;
  const n = queries.names.length, UNKNOWN = -1, NOTHING = -2, PAGE = 60, ANSWERS_IN_TIP = 5;
  const hasProbability = queries.probability.some((value) => value !== null);
  const $ = (id) => document.getElementById(id);
  const state = { shown: [], listed: 0, order: [], pinned: null, thumbnails: false, large: 0 };
  const unanswered = new Set(queries.unanswered); // could not be read, so they are neither identified nor none of these
  const darkness = matchMedia("(prefers-color-scheme: dark)"), narrow = matchMedia("(max-width: 900px)");

  // --- what the data say ---------------------------------------------------------------------------------------

  const labelOf = (code) => (code === UNKNOWN ? `${data.unknown} (none of these)` : classes[code]);
  const first = (row) => queries.codes[row * k];
  const sure = (row) => queries.probability[row * k] ?? queries.similarity[row * k] ?? 0;
  const confidence = Float64Array.from({ length: n }, (_, row) => sure(row));
  const isUnknown = (row) => first(row) === UNKNOWN && !unanswered.has(row);
  const colours = () => palette[darkness.matches ? "dark" : "light"];
  const none = () => (darkness.matches ? "#7d8794" : "#a9adb3");
  const colourOf = (code) => (code === UNKNOWN ? none() : colours().classes[data.colours[code]]);
  const percent = (value) => (value < 0.005 && value > 0 ? "<1%" : `${Math.round(100 * value)}%`);
  const isRight = (row, code) => queries.truth !== null && queries.truth[row] === code;
  const hasTruth = (row) => (queries.truth?.[row] ?? NOTHING) !== NOTHING && !unanswered.has(row);
  const isMistake = (row) => hasTruth(row) && !isRight(row, first(row));

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
    if (place < 0) return null; // an answer with no gallery picture
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
    return source ? element("img", { src: source, alt: alternative }) : element("span", { class: "blank" }, "no picture");
  }

  function button(words, act, attributes = {}) {
    const made = element("button", { type: "button", ...attributes }, ...[words].flat());
    made.addEventListener("click", act);
    return made;
  }

  // Parts of names are found however they are written: in capitals, with accents, composed or not
  const folded = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  const NONE_OF_THESE = "none of these", saysNone = (text) => text === folded(data.unknown) || (text.length > 2 && NONE_OF_THESE.startsWith(text));
  const once = (make) => { let made; return () => (made ??= make()); };
  const foldedClasses = once(() => classes.map(folded)), foldedNames = once(() => queries.names.map(folded));

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
    const text = folded($("search").value.trim()), label = folded($("class").value.trim());
    const low = Number($("low")?.value || 0), high = Number($("high")?.value || 1);
    const matching = new Set(classesWith(text)), exact = classes.indexOf($("class").value.trim());
    const firsts = new Set(exact >= 0 ? [exact] : classesWith(label)); // a whole label is that class alone
    if (saysNone(label)) firsts.add(UNKNOWN);
    return (row) => {
      if (label && (unanswered.has(row) || !firsts.has(first(row)))) return false;
      if ($("distractors").checked && !isUnknown(row)) return false;
      if ($("mistakes")?.checked && !isMistake(row)) return false;
      if (hasProbability && (confidence[row] < low || confidence[row] > high)) return false;
      if (!text || foldedNames()[row].includes(text) || (saysNone(text) && isUnknown(row))) return true;
      for (let at = row * k; at < (row + 1) * k; at++) if (matching.has(queries.codes[at])) return true;
      return false;
    };
  }

  function classesWith(text) {
    return text ? foldedClasses().flatMap((label, code) => (label.includes(text) ? [code] : [])) : [];
  }

  // Says why nothing is shown, with the filters that left nothing
  function explainEmpty() {
    $("empty").hidden = state.shown.length > 0;
    if (state.shown.length) return;
    const filters = [];
    if ($("search").value.trim()) filters.push(`“${$("search").value.trim()}” in a label or file name`);
    if ($("class").value.trim()) filters.push(`“${$("class").value.trim()}” in the first answer`);
    if (hasProbability && (Number($("low").value || 0) > 0 || Number($("high").value || 1) < 1))
      filters.push(`a probability from ${$("low").value || 0} to ${$("high").value || 1}`);
    if ($("distractors").checked) filters.push("none of these only");
    if ($("mistakes")?.checked) filters.push("mistakes only");
    $("empty").querySelector("p").textContent = `No query matches${filters.length ? `: ${filters.join(", ")}` : ""}.`;
  }

  function explainColours() {
    const by = $("colour").value;
    const spot = (colour, words, kind = "") => {
      const dot = element("i", { class: kind });
      dot.style.background = colour;
      return element("span", {}, dot, words);
    };
    $("legend").replaceChildren(...({
      class: [element("span", {}, "Dots are queries, coloured by their first answer; colours repeat."), spot(none(), "none of these")],
      distractor: [spot(colours().known, "identified"), spot(colours().distractor, "none of these")],
      confidence: [element("span", {}, `Dots are queries, coloured by the ${hasProbability ? "probability" : "similarity"} of their first answer.`)],
    })[by], spot("", "gallery", "gallery"));
  }

  function update() {
    explainColours();
    const keep = wanted();
    state.shown = [];
    for (let row = 0; row < n; row++) if (keep(row)) state.shown.push(row);
    const unknown = state.shown.filter(isUnknown).length, unread = state.shown.filter((row) => unanswered.has(row)).length;
    const share = state.shown.length === n ? `all ${n.toLocaleString("en")}` : `${state.shown.length.toLocaleString("en")} of ${n.toLocaleString("en")}`;
    $("count").textContent = `Shown: ${share} queries, ${unknown.toLocaleString("en")} of them none of these${unread ? `, ${unread.toLocaleString("en")} could not be read` : ""}.`;
    explainEmpty();
    if (drawn) drawMap();
    refill();
  }

  // --- the list ------------------------------------------------------------------------------------------------

  const ORDERS = {
    given: () => 0,
    surest: (a, b) => confidence[b] - confidence[a],
    unsure: (a, b) => confidence[a] - confidence[b],
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
    const answer = unanswered.has(row) ? "could not be read" : best.code === UNKNOWN ? NONE_OF_THESE : labelOf(best.code);
    const holder = element("span", { class: "blank" });
    holder.dataset.row = row;
    if (state.thumbnails) seen.observe(holder); // its picture is set once it scrolls into view
    const mark = !hasTruth(row) ? "" : isMistake(row) ? "✗" : "✓";
    const figures = numbers({ ...best, similarity: best.probability === null ? best.similarity : null });
    const name = queries.names[row];
    const made = button(
      [holder, element("span", {}, element("b", {}, answer)), element("span", {}, figures, element("span", { class: "mark" }, mark)),
        bar(best.probability ?? best.similarity), element("span", { class: "file" }, fileOf(name))],
      () => {
        pin(row);
        made.focus({ preventScroll: true }); // Safari does not by itself
        if (narrow.matches) made.scrollIntoView({ block: "nearest" }); // not under what lies over the screen
      }, { "aria-pressed": String(row === state.pinned), title: name },
    );
    made.dataset.query = row;
    return element("li", isUnknown(row) ? { class: "none" } : {}, made);
  }

  // The file's name alone, or with its folder where that fits and may say more
  function fileOf(name) {
    const parts = name.split("/"), short = parts.slice(-2).join("/");
    return short.length <= 20 ? short : parts.at(-1);
  }

  const cardOf = (row) => $("list").querySelector(`[data-query="${row}"]`);

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

  // --- new classes, a row each ---------------------------------------------------------------------------------

  const GROUPS = 20, IN_A_ROW = 24; // more of both on demand, or by the search
  const groups = data.groups.filter(({ rows }) => rows.length > 1), alone = data.groups.filter(({ rows }) => rows.length === 1);
  let rowsShown = 0;
  function fillGroups() {
    const some = groups.slice(rowsShown, rowsShown + GROUPS);
    rowsShown += some.length;
    $("groups").append(...some.map(({ name, rows, nearest }) =>
      groupRow(`${name}: ${rows.length.toLocaleString("en")} pictures`, nearest === null ? "" : `nearest to ${nearest}`, rows)));
    const left = groups.length - rowsShown;
    if (!left && alone.length)
      $("groups").append(groupRow(`${alone.length.toLocaleString("en")} alone`, "like no other", alone.flatMap(({ rows }) => rows)));
    $("more-groups").hidden = !left;
    $("more-groups").textContent = `Show ${Math.min(left, GROUPS)} more of ${left.toLocaleString("en")}`;
  }

  function groupRow(title, note, rows) {
    const pictures = element("div", { class: "row" });
    const add = (some) => {
      pictures.append(...some.map((row) => {
        const holder = element("span", { class: "blank", "data-row": row });
        if (state.thumbnails) seen.observe(holder);
        return button([holder], () => pin(row), { "aria-label": queries.names[row] });
      }));
    };
    add(rows.slice(0, IN_A_ROW));
    const rest = rows.slice(IN_A_ROW);
    if (rest.length) {
      const more = button(`${rest.length.toLocaleString("en")} more`, () => { more.remove(); add(rest); });
      pictures.append(more);
    }
    return element("li", {}, element("h3", {}, title), element("small", {}, note), pictures);
  }

  // --- the pinned query ----------------------------------------------------------------------------------------

  // It stands beside map and list and stays in sight; on a narrow screen it lies over the lower part of it
  function pin(row) {
    const before = $("pinned").contains(document.activeElement) ? [...$("pinned").querySelectorAll("button")].indexOf(document.activeElement) : null;
    const left = state.pinned;
    state.pinned = row;
    hideTip();
    for (const one of $("list").querySelectorAll("[aria-pressed]")) one.setAttribute("aria-pressed", String(Number(one.dataset.query) === row));
    markPinned();
    $("pinned").classList.toggle("none-yet", row === null);
    if (row === null) {
      $("pinned").replaceChildren(element("p", { class: "hint" }, "Click a point or a picture: its answers stand here, each with the gallery picture nearest to it."));
      if (before !== null && left !== null) cardOf(left)?.focus({ preventScroll: true });
      return;
    }
    const [file, ...folders] = queries.names[row].split("/").reverse();
    const head = element("div", {}, element("h3", {}, file));
    if (folders.length) head.append(element("small", {}, `in ${folders.reverse().join("/")}`));
    if (row in queries.unreadable) head.append(element("p", { class: "hint" }, `It cannot be shown: ${queries.unreadable[row]}.`));
    if (hasTruth(row)) head.append(element("p", { class: "hint" }, `In truth: ${trueLabel(row)}`));
    head.append(element("div", { class: "walk" }, button("← previous", () => step(-1)), button("next →", () => step(1)), button("close", () => pin(null), { "aria-keyshortcuts": "Escape" })));
    const answers = unanswered.has(row) ? [] : answersOf(row).map((answer, place) => {
      const shot = answer.code === UNKNOWN
        ? element("span", { class: "blank" }, NONE_OF_THESE)
        : enlarging(picture(ofGallery(answer.nearest), gallery.names[answer.nearest] ?? ""), place + 1);
      const kinds = [answer.code === UNKNOWN ? "none" : "", isRight(row, answer.code) ? "right" : ""];
      return element(
        "li", { class: kinds.join(" ").trim() }, shot,
        element("div", {}, element("b", {}, labelOf(answer.code)), bar(answer.probability ?? answer.similarity), element("small", {}, numbers(answer))),
      );
    });
    $("pinned").replaceChildren(
      element("div", { class: "query" }, enlarging(picture(ofQuery(row), queries.names[row]), 0), head), element("ol", { class: "answers" }, ...answers),
    );
    $("pinned").scrollTop = 0;
    if (before !== null) ($("pinned").querySelectorAll("button")[before] ?? $("pinned")).focus({ preventScroll: true });
  }

  const trueLabel = (row) => queries.foreign[row] === undefined || queries.foreign[row] === data.unknown
    ? labelOf(queries.truth[row]) : `${queries.foreign[row]}, which is none of these`;

  // Goes to another query of the list, which is filled as far as that takes
  function step(by) {
    const { order } = state;
    if (!order.length) return;
    const at = order.indexOf(state.pinned);
    goTo(order[at < 0 ? (by < 0 ? order.length - 1 : 0) : (at + by + order.length) % order.length]);
  }

  function goTo(row) {
    const walking = $("pinned").contains(document.activeElement), follows = isInSight(cardOf(state.pinned));
    while (!cardOf(row) && state.listed < state.order.length) fill();
    pin(row);
    const card = cardOf(row);
    if (!walking) card?.focus({ preventScroll: true });
    if (follows) card?.scrollIntoView({ block: "nearest" }); // who looks at the map stays there
  }

  function isInSight(card) {
    if (!card) return false;
    const { top, bottom } = card.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  }

  // Arrows in the list: along it, or to the line above and below
  function moveInList(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -cardsInLine(), ArrowDown: cardsInLine() }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = state.order.indexOf(Number(document.activeElement.dataset.query)) + by;
    if (at < 0 || at >= state.order.length) return;
    const row = state.order[at];
    while (!cardOf(row) && state.listed < state.order.length) fill();
    if (state.pinned !== null) pin(row);
    cardOf(row)?.focus();
  }

  const cardsInLine = () => getComputedStyle($("list")).gridTemplateColumns.split(" ").length;

  // --- pictures, large -----------------------------------------------------------------------------------------

  function enlarging(shown, place) {
    return shown.tagName === "IMG" ? button(shown, () => enlarge(place), { class: "enlarges", title: "See it large" }) : shown;
  }

  // The pinned query alone, or beside the gallery picture of its answer at `place`, counted from 1
  function enlarge(place) {
    const row = state.pinned, dialog = $("large"), answer = answersOf(row)[place - 1];
    state.large = place;
    const figures = [large(ofQuery(row), queries.links[row], queries.names[row], "query")];
    if (answer) {
      const said = [labelOf(answer.code), numbers(answer)].filter(Boolean).join(", ");
      figures.push(large(ofGallery(answer.nearest), gallery.links[answer.nearest], gallery.names[answer.nearest], said));
    }
    const at = document.activeElement?.dataset.act;
    const walk = element("div", { class: "walk" }, ...[["← previous", () => turn(-1)], ["next →", () => turn(1)], ["close", () => dialog.close()]]
      .map(([words, act]) => button(words, act, { "data-act": words })));
    dialog.replaceChildren(element("div", { class: "pair" }, ...figures), walk);
    if (!dialog.open) dialog.showModal();
    ([...walk.children].find((one) => one.dataset.act === at) ?? walk.lastChild).focus();
  }

  function turn(by) {
    const places = [0, ...answersOf(state.pinned).flatMap((answer, at) => (ofGallery(answer.nearest) ? [at + 1] : []))];
    enlarge(places[(places.indexOf(state.large) + by + places.length) % places.length]);
  }

  // The small picture of this page, until the one on disk is there: where the page was sent on, or the browser does
  // not know the format, it never is
  function large(small, link, name, words) {
    const shown = picture(small, name), note = element("small", {});
    const whole = new Image();
    whole.onload = () => { if (shown.tagName === "IMG") shown.src = whole.src; };
    whole.onerror = () => { note.textContent = "The small picture of this page: the file itself is not to be seen from here."; };
    whole.src = link;
    return element("figure", {}, shown, element("figcaption", {}, element("b", {}, words), " ", element("span", {}, name)), note);
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

  const LIGHT_CIVIDIS = [[0, "#6f8fd0"], [0.5, "#a5a396"], [1, "#ffea46"]]; // whose dark end is seen on a dark page

  function marker(rows) {
    const by = $("colour").value;
    if (by === "distractor") return { color: rows.map((row) => (first(row) === UNKNOWN ? colours().distractor : colours().known)) };
    if (by === "confidence")
      return {
        color: rows.map((row) => confidence[row]), colorscale: darkness.matches ? LIGHT_CIVIDIS : "Cividis", cmin: hasProbability ? 0 : undefined, cmax: hasProbability ? 1 : undefined,
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
      { ...base, hoverinfo: "skip", x: take(queries.x, others), y: take(queries.y, others), marker: { size: size * 0.7, color: css("--away"), opacity: 0.6 } },
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
    middles = middlesOfClasses();
    if (drawn) return done.then(label);
    done.then(() => performance.mark("drawn")).then(label); // benchmarks/report.py reads it
    drawn = true;
    const map = $("map");
    map.on("plotly_hover", ({ points: [point], event }) => showTip(point, event));
    map.on("plotly_unhover", hideTip);
    map.on("plotly_click", ({ points: [point] }) => { if (point.curveNumber === SHOWN) { pin(point.customdata); $("pinned").focus({ preventScroll: true }); } });
    for (const event of ["plotly_relayout", "plotly_relayouting", "plotly_afterplot"]) map.on(event, () => { cancelAnimationFrame(labelling); labelling = requestAnimationFrame(label); });
    map.addEventListener("keydown", moveByKey);
  }

  // Labels of classes: text of our own over the map, as Plotly would read tags in it. The largest classes in sight come
  // first, and what would cover another is left out, so that there are more of them the nearer one looks
  const LABELS = 40, LETTERS = 22, LINE = 14;
  const labels = element("div", { id: "labels", "aria-hidden": "true" });
  const pen = document.createElement("canvas").getContext("2d");
  let middles = [], labelling = 0;

  // Each class's query that lies nearest to the median of those shown, the class with the most queries first
  function middlesOfClasses() {
    const rows = Array.from(classes, () => []);
    for (const row of state.shown) if (first(row) >= 0 && queries.x[row] !== null) rows[first(row)].push(row);
    const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
    return rows.flatMap((own, code) => {
      if (!own.length) return [];
      const x = median(take(queries.x, own)), y = median(take(queries.y, own));
      const away = (row) => (queries.x[row] - x) ** 2 + (queries.y[row] - y) ** 2;
      const row = own.reduce((best, other) => (away(other) < away(best) ? other : best));
      return [{ code, n: own.length, x: queries.x[row], y: queries.y[row] }];
    }).sort((a, b) => b.n - a.n);
  }

  function label() {
    const map = $("map"), { xaxis, yaxis } = map._fullLayout;
    if (labels.parentNode !== map) map.append(labels);
    pen.font = "600 11px system-ui, sans-serif";
    const place = ({ _offset, _length, range: [low, high] }, value) => _offset + (_length * (value - low)) / (high - low);
    const taken = [], texts = [];
    for (const { code, x, y } of middles) {
      if (texts.length === LABELS) break;
      const spot = place(xaxis, x), down = yaxis._offset + yaxis._length - (place(yaxis, y) - yaxis._offset) - size;
      const letters = [...classes[code]], text = letters.length > LETTERS ? `${letters.slice(0, LETTERS - 1).join("")}…` : classes[code];
      const half = pen.measureText(text).width / 2 + 3;
      if (spot < 0 || spot > map.clientWidth || down - LINE < 0 || down > map.clientHeight) continue;
      const across = Math.max(half, Math.min(spot, map.clientWidth - half)); // all of it on the map
      if (taken.some((other) => Math.abs(other.across - across) < other.half + half && Math.abs(other.down - down) < LINE + 1)) continue;
      taken.push({ across, down, half });
      const made = element("span", {}, text);
      made.style.left = `${across}px`;
      made.style.top = `${down - LINE}px`;
      texts.push(made);
    }
    labels.replaceChildren(...texts);
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

  $("classes").append(...[...classes, NONE_OF_THESE].map((label) => element("option", { value: label })));
  let waiting;
  $("filters").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(update, 120); });
  $("filters").addEventListener("reset", () => setTimeout(update));
  $("order").addEventListener("change", refill);
  $("empty").querySelector("button").addEventListener("click", () => { $("filters").reset(); $("search").focus(); });
  document.addEventListener("keydown", (event) => {
    const at = document.activeElement, by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if ($("large").open) { if (by) turn(by); return; } // Escape closes it by itself
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(at?.tagName ?? "");
    if (event.key === "Escape") pin(null);
    else if (event.key === "/" && !typing) { event.preventDefault(); $("search").focus(); }
    else if ($("list").contains(at)) moveInList(event);
    else if (by && !typing && !$("map").contains(at) && state.pinned !== null) { event.preventDefault(); step(by); }
  });
  $("large").addEventListener("click", (event) => { if (event.target === $("large")) $("large").close(); }); // beside it
  darkness.addEventListener("change", () => { explainColours(); if (drawn) drawMap(); });
  $("more-groups").addEventListener("click", fillGroups);
  $("new-classes").hidden = !data.groups.length;
  if (data.groups.length) fillGroups();
  pin(null);
  update();
  performance.mark("listed"); // benchmarks/report.py reads it
  addEventListener("thumbnails", () => { // all there: the list was there before them
    state.thumbnails = true;
    for (const holder of document.querySelectorAll("#list [data-row], #groups [data-row]")) seen.observe(holder);
    if (state.pinned !== null) pin(state.pinned); // it was pinned before its pictures were there
  });
  addEventListener("load", () => setTimeout(drawMap)); // Plotly comes last: by then the page can be read and used
})();
