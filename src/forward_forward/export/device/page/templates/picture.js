/* Strokes -> a picture as the network was trained on; a picture -> a canvas. */
const FIELD = 280, PEN = 24;

/* Alpha of the strokes [height * width of the canvas], 0 to 1. */
function inkOf(canvas) {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Float32Array.from({length: data.length / 4}, (_, i) => data[4 * i + 3] / 255);
}

/* Edges and centre of mass of the ink; null if there is none. */
function extentOf(ink, width) {
    let left = Infinity, right = -1, top = Infinity, bottom = -1, mass = 0, x = 0, y = 0;
    ink.forEach((value, at) => {
        if (!value) return;
        const column = at % width, row = (at - column) / width;
        left = Math.min(left, column); right = Math.max(right, column + 1);
        top = Math.min(top, row); bottom = Math.max(bottom, row + 1);
        mass += value; x += value * (column + 0.5); y += value * (row + 0.5);
    });
    return mass ? {left, right, top, bottom, x: x / mass, y: y / mass} : null;
}

/* Which part of the canvas becomes the picture: the point at its centre, and canvas pixels per pixel. */
function placeOf(ink, canvas, picture) {
    const found = picture.fit === "whole" ? null : extentOf(ink, canvas.width);
    if (!found) return {x: canvas.width / 2, y: canvas.height / 2, size: canvas.width / picture.width};
    const size = Math.max(found.right - found.left, found.bottom - found.top) / picture.box;
    if (picture.fit === "mass") return {x: found.x, y: found.y, size};
    return {x: (found.left + found.right) / 2, y: (found.top + found.bottom) / 2, size};
}

/* Mean ink of a rectangle of the canvas; what lies outside is blank. */
function meanInk(ink, canvas, left, top, size) {
    const from = Math.max(0, Math.round(left)), to = Math.min(canvas.width, Math.round(left + size));
    const first = Math.max(0, Math.round(top)), last = Math.min(canvas.height, Math.round(top + size));
    let sum = 0;
    for (let row = first; row < last; row++)
        for (let column = from; column < to; column++) sum += ink[row * canvas.width + column];
    return Math.min(1, sum / (size * size));
}

/* The picture of what is drawn [height * width], in the values of the samples. */
function pictureOf(canvas, picture) {
    const ink = inkOf(canvas), {x, y, size} = placeOf(ink, canvas, picture);
    const values = new Float32Array(picture.height * picture.width);
    for (let row = 0; row < picture.height; row++)
        for (let column = 0; column < picture.width; column++) {
            const left = x + (column - picture.width / 2) * size, top = y + (row - picture.height / 2) * size;
            const drawn = meanInk(ink, canvas, left, top, size);
            values[row * picture.width + column] = picture.blank + drawn * (picture.full - picture.blank);
        }
    return values;
}

/* Draw values [height][width][channels] pixel by pixel. */
function show(canvas, values, picture) {
    canvas.width = picture.width;
    canvas.height = picture.height;
    const pen = canvas.getContext("2d"), image = pen.createImageData(picture.width, picture.height);
    const low = Math.min(picture.blank, picture.full), range = Math.abs(picture.full - picture.blank);
    for (let i = 0; i < picture.width * picture.height; i++) {
        for (let c = 0; c < 3; c++) {
            const channel = picture.channels === 3 ? 3 * i + c : i;
            image.data[4 * i + c] = 255 * (values[channel] - low) / range;
        }
        image.data[4 * i + 3] = 255;
    }
    pen.putImageData(image, 0, 0);
}
