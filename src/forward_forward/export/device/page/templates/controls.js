/* The page's controls: drawing field, samples, values, buttons and sliders. */
const KEYS = {ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8]};
let lastPressed = null;

function makeField(field) {
    field.width = FIELD;
    field.height = Math.round(FIELD * picture.height / picture.width);
    const pen = field.getContext("2d", {willReadFrequently: true}), strokes = document.createElement("canvas");
    strokes.width = field.width;
    strokes.height = field.height;
    const ink = strokes.getContext("2d", {willReadFrequently: true});
    let from = null, lowered = false, cursor = [field.width / 2, field.height / 2], chosen = null, asked = false;

    function paint(withCursor) {
        pen.clearRect(0, 0, field.width, field.height);
        pen.imageSmoothingEnabled = false;
        if (chosen) pen.drawImage(chosen, 0, 0, field.width, field.height);
        pen.drawImage(strokes, 0, 0);
        if (!withCursor) return;
        pen.lineWidth = 3;
        pen.strokeStyle = lowered ? "#ff9d5c" : "#6cb0ff";
        pen.beginPath(); pen.arc(...cursor, PEN / 2, 0, 7); pen.stroke();
    }
    function clear() {
        ink.clearRect(0, 0, field.width, field.height);
        chosen = null;
        lowered = false;
        paint();
    }
    function line(a, b) {
        if (chosen) clear();
        ink.lineWidth = PEN;
        ink.lineCap = ink.lineJoin = "round";
        ink.strokeStyle = picture.full > picture.blank ? "#fff" : "#000";
        ink.beginPath(); ink.moveTo(...a); ink.lineTo(b[0] + 0.01, b[1]); ink.stroke();
        if (asked) return;
        asked = true;  // one answer a frame, however fast the pen moves
        requestAnimationFrame(() => { asked = false; present(pictureOf(strokes, picture)); });
    }
    function place(event) {
        const box = field.getBoundingClientRect();
        return [(event.clientX - box.left) * field.width / box.width, (event.clientY - box.top) * field.height / box.height];
    }
    field.addEventListener("pointerdown", event => {
        if (busy) return;
        field.setPointerCapture(event.pointerId);
        press(null);
        from = place(event);
        line(from, from); paint();
        event.preventDefault();
        field.focus({preventScroll: true});
    });
    field.addEventListener("pointermove", event => {
        if (!from) return;
        for (const each of event.getCoalescedEvents?.() || [event]) {
            const to = place(each);
            line(from, to);
            from = to;
        }
        paint();
    });
    for (const name of ["pointerup", "pointercancel"]) field.addEventListener(name, () => { from = null; });
    field.addEventListener("keydown", event => {
        const move = KEYS[event.key];
        if (busy || !move && ![" ", "Delete", "Backspace"].includes(event.key)) return;
        event.preventDefault();
        if (move) {
            const to = cursor.map((value, axis) => Math.min([field.width, field.height][axis], Math.max(0, value + move[axis])));
            if (lowered) line(cursor, to);
            cursor = to;
        } else if (event.key === " ") {
            lowered = !lowered;
            if (lowered) { press(null); line(cursor, cursor); }
        } else wipe();
        paint(true);
    });
    field.addEventListener("blur", () => { lowered = false; paint(); });
    function wipe() { if (busy) return; clear(); press(null); present(pictureOf(strokes, picture)); }
    at("clear").addEventListener("click", wipe);
    clear();
    return canvas => { clear(); chosen = canvas; paint(); };
}

/* Mark the sample that is shown, if one is. */
function press(button) {
    for (const each of at("samples").children) each.setAttribute("aria-pressed", String(each === button));
}

function makeSamples(choose) {
    const strip = at("samples");
    for (let i = 0; i < samples; i++) {
        const button = element("button", ""), name = `sample ${i + 1}: ${names[labels[i]]}`;
        button.type = "button";
        button.tabIndex = i ? -1 : 0;
        button.title = name;
        if (picture) {
            const canvas = element("canvas", "");
            show(canvas, sampleAt(i), picture);
            button.append(canvas);
            button.setAttribute("aria-label", name);
        } else button.append(names[labels[i]]);
        button.addEventListener("click", () => {
            if (busy) return;
            for (const each of strip.children) each.tabIndex = each === button ? 0 : -1;
            press(button);
            choose(i, button);
        });
        strip.append(button);
    }
    strip.style.setProperty("--rows", about.rows);
    press(null);
    strip.addEventListener("keydown", event => {
        const wide = picture ? about.rows : 1;
        const moves = {ArrowRight: wide, ArrowLeft: -wide, ArrowDown: 1, ArrowUp: -1}, move = moves[event.key];
        const from = [...strip.children].indexOf(document.activeElement);
        if (!move || from < 0) return;
        event.preventDefault();
        const next = strip.children[Math.min(samples - 1, Math.max(0, from + move))];
        next.focus();
        next.click();
    });
}

function makeLabels() {
    names.forEach((name, label) => {
        const spare = label >= about.classes - about.spare, button = element("button", spare ? "spare" : "", name);
        button.type = "button";
        button.addEventListener("click", () => { lastPressed = button; teach(label); });
        at("labels").append(button);
    });
}

function setRate() {
    const rate = 10 ** Number(at("rate").value);
    at("rate-value").textContent = round(rate);
    network.setRate(rate);
}

function makeSliders() {
    const steps = () => { at("steps-value").textContent = at("steps").value; };
    at("steps").addEventListener("input", steps);
    at("rate").addEventListener("input", setRate);
    at("forget").addEventListener("click", () => { lastPressed = at("forget"); forget(); });
    steps();
    setRate();
}

function makeValues() {
    const fields = [...document.querySelectorAll("[data-feature]")];
    for (const each of fields) each.addEventListener("input", () => {
        press(null);
        const read = fields.map(field => field.valueAsNumber);
        if (read.every(Number.isFinite)) present(read);
    });
    return x => fields.forEach((field, i) => { field.value = round(x[i]); });
}

async function start() {
    readSamples();
    network = await Network.load(about.memory, stored("kernel"), stored("head"), stored("weights"));
    const field = at("field"), draw = field ? makeField(field) : () => {}, fill = makeValues();
    makeSamples((index, button) => {
        draw(button.querySelector("canvas"));
        fill(sampleAt(index));
        present(sampleAt(index));
    });
    makeLabels();
    makeSliders();
    rightAtFirst = right();
    renderTaught();
    if (samples) at("samples").children[0].click();
    document.documentElement.dataset.ready = "yes";
}

start().catch(error => fail(`The network cannot run in this browser: ${error.message}`));
