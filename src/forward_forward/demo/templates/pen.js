const canvas = element.querySelector("canvas");
const pen = canvas.getContext("2d");
const STEP = 6, WIDTH = 20;
let at = null, down = false, keyed = false, cursor = [140, 140], before = null;

function clear() {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    at = null; down = false; keyed = false; before = null;
}

function place(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
}

function line(from, to) {
    pen.lineWidth = WIDTH; pen.lineCap = "round"; pen.lineJoin = "round"; pen.strokeStyle = "#000";
    pen.beginPath(); pen.moveTo(...from); pen.lineTo(to[0] + 0.01, to[1]); pen.stroke();
}

function send() {
    trigger("input", {drawn: canvas.toDataURL("image/png")});
}

/* The keyboard cursor is drawn over the picture, and removed before anything else is drawn. */
function show() {
    before = pen.getImageData(0, 0, canvas.width, canvas.height);
    pen.lineWidth = 2; pen.strokeStyle = down ? "#c2500a" : "#0b62c4";
    pen.beginPath(); pen.arc(cursor[0], cursor[1], WIDTH / 2, 0, 7); pen.stroke();
}

function hide() {
    if (before) pen.putImageData(before, 0, 0);
    before = null;
}

canvas.addEventListener("pointerdown", event => {
    hide(); keyed = false;
    canvas.setPointerCapture(event.pointerId);
    at = place(event); line(at, at);
    event.preventDefault();
    canvas.focus({preventScroll: true});
});
canvas.addEventListener("pointermove", event => {
    if (!at) return;
    const to = place(event); line(at, to); at = to;
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => {
    if (at) send();
    at = null;
});
canvas.addEventListener("keydown", event => {
    const moves = {ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP]};
    const move = moves[event.key];
    if (!move && event.key !== " " && event.key !== "Delete" && event.key !== "Backspace") return;
    event.preventDefault();
    hide(); keyed = true;
    if (move) {
        const to = [0, 1].map(axis => Math.min(270, Math.max(10, cursor[axis] + move[axis])));
        if (down) line(cursor, to);
        cursor = to;
    } else if (event.key === " ") {
        down = !down;
        if (down) line(cursor, cursor); else send();
    } else {
        clear(); send();
        return;
    }
    show();
});
canvas.addEventListener("blur", () => {
    hide();
    if (keyed && down) { down = false; send(); }
});
document.addEventListener("ff-clear", clear);
element.querySelector(".clear").addEventListener("click", () => { clear(); send(); });
clear();
