// The canvas: tiles of the image, and over them borders and classes, drawn for what is seen alone.

import { picture } from "./api.js";

const KEPT = 256; // tiles
const BORDER = 0xff42e4f0, SHADE = 0xb4000000; // bright yellow beside a dark line; bytes are ABGR
const UNKNOWN = 255;

export class Viewer {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.tiles = new Map();
    this.shows = { borders: true, classes: true, predicted: true };
    this.colors = [];
    this.model = null;
    this.cross = null; // of the keyboard, in pixels of the image
    this.line = []; // that is being drawn
    this.radius = 0;
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  // `model`: id, width, height, tile; and once segmented rows, columns, factor, atoms, classes, ...
  show(model) {
    if (this.model?.id !== model?.id) {
      this.tiles.clear();
      this.pending?.abort();
      this.pending = new AbortController();
      this.cross = null;
      this.model = model;
      this.fit();
    }
    this.model = model;
    this.draw();
  }

  resize() {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const width = Math.round(this.canvas.clientWidth * ratio);
    const height = Math.round(this.canvas.clientHeight * ratio);
    if (width === this.canvas.width && height === this.canvas.height) return;
    const whole = this.isFitted;
    this.canvas.width = Math.max(1, width);
    this.canvas.height = Math.max(1, height);
    this.ratio = ratio;
    if (whole || !this.scale) this.fit(); else this.draw();
  }

  // --- where the image lies: canvas = image * scale + offset ------------------------------------

  fit() {
    if (!this.model) return this.draw();
    const { width, height } = this.model, canvas = this.canvas;
    this.scale = Math.min(canvas.width / width, canvas.height / height);
    this.x = (canvas.width - width * this.scale) / 2;
    this.y = (canvas.height - height * this.scale) / 2;
    this.isFitted = true;
    this.draw();
  }

  zoom(by, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    if (!this.model) return;
    const least = Math.min(this.canvas.width / this.model.width, this.canvas.height / this.model.height) / 2;
    const scale = Math.min(Math.max(this.scale * by, least), 64);
    this.x = x - (x - this.x) * scale / this.scale;
    this.y = y - (y - this.y) * scale / this.scale;
    this.scale = scale;
    this.isFitted = false;
    this.draw();
  }

  pan(dx, dy) { this.x += dx; this.y += dy; this.isFitted = false; this.draw(); }

  // The pixel of the image under a pointer.
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) * this.ratio, y = (event.clientY - box.top) * this.ratio;
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  moveCross(dx, dy) {
    const { width, height } = this.model;
    const [x, y] = this.cross ?? [width / 2, height / 2];
    this.cross = [Math.min(Math.max(x + dx, 0), width - 1), Math.min(Math.max(y + dy, 0), height - 1)]
      .map(Math.floor);
    const cx = this.cross[0] * this.scale + this.x, cy = this.cross[1] * this.scale + this.y;
    if (cx < 0 || cy < 0 || cx > this.canvas.width || cy > this.canvas.height)
      this.pan(this.canvas.width / 2 - cx, this.canvas.height / 2 - cy);
    this.draw();
  }

  // --- drawing ------------------------------------------------------------------------------------

  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.paint(); });
  }

  paint() {
    const { context, canvas, model } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!model) return;
    context.imageSmoothingEnabled = this.scale < 2;
    const last = Math.max(0, Math.ceil(Math.log2(Math.max(model.width, model.height) / model.tile)));
    const level = Math.min(Math.max(Math.floor(Math.log2(1 / this.scale)), 0), last);
    this.paintLevel(last);
    if (level !== last) this.paintLevel(level);
    if (model.atoms) this.paintOverlay();
    this.paintLine();
    this.paintCross();
  }

  paintLevel(level) {
    const { context, canvas, model } = this;
    const size = model.tile * 2 ** level;
    const first = (place, n) => Math.max(0, Math.floor(-place / this.scale / size));
    const beyond = (place, n, side) => Math.min(Math.ceil(n / size), Math.ceil((side - place) / this.scale / size));
    for (let row = first(this.y); row < beyond(this.y, model.height, canvas.height); row++) {
      for (let column = first(this.x); column < beyond(this.x, model.width, canvas.width); column++) {
        const tile = this.tile(level, row, column);
        if (!tile) continue;
        const step = this.scale * 2 ** level;
        context.drawImage(tile, column * size * this.scale + this.x, row * size * this.scale + this.y,
          tile.width * step, tile.height * step);
      }
    }
  }

  tile(level, row, column) {
    const key = `${level}/${row}/${column}`, known = this.tiles.get(key);
    if (known) {
      this.tiles.delete(key); // and to the end: the first is who goes
      this.tiles.set(key, known);
      return known.width ? known : null;
    }
    this.tiles.set(key, {});
    const { tiles, model } = this;
    picture(`images/${model.id}/tiles/${key}`, this.pending.signal).then((found) => {
      tiles.set(key, found);
      while (tiles.size > KEPT) tiles.delete(tiles.keys().next().value);
      this.draw();
    }).catch(() => tiles.delete(key));
    return null;
  }

  paintOverlay() {
    const { context, canvas, model, shows } = this;
    const left = Math.max(0, Math.floor(this.x)), top = Math.max(0, Math.floor(this.y));
    const right = Math.min(canvas.width, Math.ceil(this.x + model.width * this.scale));
    const bottom = Math.min(canvas.height, Math.ceil(this.y + model.height * this.scale));
    const width = right - left, height = bottom - top;
    if (width < 1 || height < 1) return;
    if (this.overlay?.width !== width || this.overlay?.height !== height)
      this.overlay = new ImageData(width, height);
    const pixels = new Uint32Array(this.overlay.data.buffer);
    pixels.fill(0);
    const { atoms, groups, classes, predicted, certainty, columns, rows, factor } = model;
    const at = (place, offset, n) => Math.min(n - 1, Math.max(0, Math.floor((place + .5 - offset) / this.scale / factor)));
    const across = new Int32Array(width);
    for (let i = 0; i < width; i++) across[i] = at(left + i, this.x, columns);
    const solid = this.colors.map((color) => abgr(color, 0.5));
    const group = (place) => { const atom = atoms[place]; return atom < 0 ? -1 : groups[atom]; };
    let above = new Int32Array(width).fill(-2), here = new Int32Array(width);
    for (let j = 0; j < height; j++) {
      const start = at(top + j, this.y, rows) * columns;
      for (let i = 0; i < width; i++) {
        const place = start + across[i], found = group(place), out = j * width + i;
        here[i] = found;
        const known = classes[place];
        if (shows.classes && known !== UNKNOWN) pixels[out] = solid[known];
        else if (predicted && shows.predicted && predicted[place] !== UNKNOWN && ((i + j) >> 2) % 2)
          pixels[out] = abgr(this.colors[predicted[place]], certainty[place] / 255 * 0.8);
        if (!shows.borders) continue;
        if (i && here[i - 1] !== found) { pixels[out] = SHADE; pixels[out - 1] = BORDER; }
        if (j && above[i] !== found) { if (pixels[out] !== BORDER) pixels[out] = SHADE; pixels[out - width] = BORDER; }
      }
      [above, here] = [here, above];
    }
    this.buffer ??= document.createElement("canvas");
    this.buffer.width = width;
    this.buffer.height = height;
    this.buffer.getContext("2d").putImageData(this.overlay, 0, 0);
    context.drawImage(this.buffer, left, top);
  }

  paintLine() {
    if (!this.line.length) return;
    const { context } = this;
    for (const [color, more] of [["#000", 3], [this.lineColor ?? "#fff", 0]]) {
      context.strokeStyle = color;
      context.lineWidth = Math.max(2, 2 * this.radius * this.scale) + more;
      context.lineCap = context.lineJoin = "round";
      context.globalAlpha = this.radius * this.scale > 2 ? 0.6 : 1;
      context.beginPath();
      this.line.forEach(([x, y], k) => {
        const place = [x * this.scale + this.x, y * this.scale + this.y];
        if (!k) context.moveTo(...place);
        context.lineTo(...place);
      });
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  paintCross() {
    if (!this.cross || document.activeElement !== this.canvas) return;
    const { context } = this;
    const x = (this.cross[0] + .5) * this.scale + this.x, y = (this.cross[1] + .5) * this.scale + this.y;
    for (const [color, width] of [["#000", 5], ["#fff", 2]]) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(x - 14, y); context.lineTo(x + 14, y);
      context.moveTo(x, y - 14); context.lineTo(x, y + 14);
      context.stroke();
    }
  }
}

function abgr(color, alpha) {
  const value = parseInt(color.slice(1), 16);
  const red = value >> 16, green = value >> 8 & 255, blue = value & 255;
  return (Math.round(alpha * 255) << 24 | blue << 16 | green << 8 | red) >>> 0;
}
