/* The page: what is shown, drawn, chosen and taught. */
const at = id => document.getElementById(id);
const stored = id => at(id).textContent;
const about = JSON.parse(stored("about"));
const {names, picture, samples, labels} = about;
const SHOWN = 20;  // classes with a bar; of more, the best
const values = new Float32Array(samples * about.inputs);
let network;
let input = null;      // the sample that is shown [inputs]
let before = null;     // its scores and goodness before it was taught
let taught = new Map(), busy = false, rehearsed = 0, rightAtFirst = 0;

function sampleAt(index) { return values.subarray(index * about.inputs, (index + 1) * about.inputs); }

function readSamples() {
    const bytes = bytesOf(stored("values"));
    values.set(about.pixels ? bytes : new Float32Array(bytes.buffer));
}

const round = value => Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
const written = value => (Math.abs(value) >= 1000 ? round(value) : value.toPrecision(3)).replace("-", "−");

/* The position of the highest value, among the classes that are known. */
function best(row) {
    let found = -1;
    row.forEach((value, c) => { if (network.known[c] && (found < 0 || value > row[found])) found = c; });
    return found;
}

/* Each value as percent of the way from the lowest to the highest, of both rows. */
function scaleOf(row, earlier) {
    const all = [...row, ...(earlier || [])].filter((_, i) => network.known[i % row.length]);
    const low = Math.min(...all), range = Math.max(...all) - low;
    return value => `${range > 0 ? Math.max(0, 1 + 99 * (value - low) / range) : 0}%`;
}

/* The classes that are shown: all, or the best, in their own order. */
function shownOf(scores) {
    const all = scores.map((_, c) => c);
    if (all.length <= SHOWN) return all;
    return all.sort((a, b) => scores[b] - scores[a]).slice(0, SHOWN).sort((a, b) => a - b);
}

function element(kind, className, ...children) {
    const made = document.createElement(kind);
    if (className) made.className = className;
    made.append(...children);
    return made;
}

/* Bars are kept from one answer to the next, so that they move. */
function rowsFor(parent, shown, make) {
    const key = shown.join();
    if (parent.dataset.shown !== key) {
        parent.replaceChildren(...shown.map(make));
        parent.dataset.shown = key;
    }
    return [...parent.children];
}

function lengthen(holder, value, was, scale) {
    holder.querySelector("i").style.setProperty("--length", scale(value));
    let mark = holder.querySelector("b");
    if (was === undefined) { if (mark) mark.remove(); return; }
    if (!mark) holder.append(mark = element("b", ""));
    mark.style.setProperty("--was", scale(was));
}

function renderScores(scores, shown, label) {
    const scale = scaleOf(scores, before && before.scores);
    const make = c => {
        const name = element("th", "", names[c]);
        name.scope = "row";
        return element("tr", "", name, element("td", "", element("div", "bar", element("i", ""))), element("td", "number"));
    };
    rowsFor(at("scores"), shown, make).forEach((row, i) => {
        const c = shown[i], known = network.known[c];
        row.className = c === label ? "best" : "";
        row.lastChild.textContent = known ? written(scores[c]) : "not taught";
        lengthen(row.querySelector(".bar"), known ? scores[c] : -Infinity, before && known ? before.scores[c] : undefined, scale);
    });
}

function makePanel(layer) {
    const made = element("figure", "panel", element("figcaption", ""), element("div", "columns"), element("div", "names"));
    made.style.setProperty("--colour", `var(--series-${layer % 8 + 1})`);
    made.children[1].setAttribute("role", "img");
    made.children[2].setAttribute("aria-hidden", "true");
    return made;
}

function renderLayer(panel, layer, row, shown) {
    const [caption, columns, below] = panel.children, label = best(row);
    const earlier = before && before.goodness[layer], scale = scaleOf(row, earlier);
    const {text, judges} = about.described[layer];
    caption.replaceChildren(`${text} `, judges ? element("strong", "", `says ${names[label]}`) : "has no goodness");
    columns.setAttribute("aria-label", shown.map(c => `${names[c]}: ${written(row[c])}`).join(", "));
    rowsFor(columns, shown, () => element("div", "column", element("i", ""))).forEach((column, i) => {
        const c = shown[i], known = network.known[c];
        column.className = c === label ? "column best" : "column";
        column.title = `${names[c]}: ${written(row[c])}`;
        lengthen(column, known ? row[c] : -Infinity, earlier && known ? earlier[c] : undefined, scale);
    });
    rowsFor(below, shown, c => element("span", "", names[c])).forEach((name, i) => {
        name.className = (names[shown[i]].length > 2 ? "long " : "") + (shown[i] === label ? "best" : "");
    });
}

/* What the network answers for the input, everywhere on the page. */
function render() {
    if (!input) return;
    const label = network.predict(input), scores = network.scores(input), goodness = network.goodness(input);
    const shown = shownOf(scores), panels = at("panels");
    for (const each of document.querySelectorAll("#label, .quick strong")) each.textContent = names[label];
    const changed = before && before.label !== label;
    at("change").textContent = !before ? "" : changed ? `before you taught it: ${names[before.label]}` : "as before you taught it";
    at("says").classList.toggle("learned", Boolean(changed));
    renderScores(scores, shown, label);
    if (!panels.children.length) panels.append(...about.described.map((_, layer) => makePanel(layer)));
    goodness.forEach((row, layer) => renderLayer(panels.children[layer], layer, row, shown));
}

/* How many of the samples are recognised at this moment. */
function right() { return labels.filter((label, i) => network.predict(sampleAt(i)) === label).length; }

function renderTaught() {
    const parts = [...taught].map(([label, count]) => `${names[label]} × ${count}`);
    const steps = [...taught.values()].reduce((sum, count) => sum + count, 0);
    const now = `Of the ${samples} samples it recognises ${right()}` + (steps ? ` (at first ${rightAtFirst}).` : ".");
    at("taught").textContent = (steps ? `Taught: ${parts.join(", ")}. ` : "Nothing taught so far. ") + now;
}

/* A new input: what was taught before it is no change of its answer. */
function present(x) {
    if (busy) return;
    try {
        network.predict(x);
    } catch (error) {
        fail(`The network cannot answer for these values (${error.message}).`);
        return;
    }
    fail("");
    input = Float32Array.from(x);
    before = null;
    if (picture) show(at("seen"), input, picture);
    render();
}

/* Learning takes its steps between frames, so that the bars move. */
function teach(label) {
    if (busy || !input) return;
    const steps = Number(at("steps").value), still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    before ||= {label: network.predict(input), scores: network.scores(input), goodness: network.goodness(input)};
    fail("");
    setBusy(true);
    let done = 0;
    const turn = () => {
        try {
            do { step(label); done += 1; } while (done < steps && still);
            render();
            if (done < steps) { requestAnimationFrame(turn); return; }
            setBusy(false);
            renderTaught();
        } catch (error) {
            forget();
            fail(`The steps were too large for this network, and the exported one is back: choose a smaller learning rate (${error.message}).`);
        }
    };
    turn();
}

function step(label) {
    network.learn(input, label);
    taught.set(label, (taught.get(label) || 0) + 1);
    if (!at("rehearse").checked || !samples) return;
    const index = about.rehearsal[rehearsed++ % samples];
    network.learn(sampleAt(index), labels[index]);
}

function setBusy(value) {
    busy = value;
    document.querySelectorAll("#labels button, #forget").forEach(each => { each.disabled = value; });
    if (!value && lastPressed) lastPressed.focus({preventScroll: true});
}

function forget() {
    network.forget();
    setRate();
    taught = new Map();
    before = null;
    setBusy(false);
    render();
    renderTaught();
}

function fail(text) {
    at("failed").textContent = text;
    at("failed").hidden = !text;
}
