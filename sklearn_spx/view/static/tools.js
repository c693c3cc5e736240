// What pointer and keys do on the image: strokes of a tool, panning, zooming.

export const TOOLS = [
  { id: "pan", name: "Move", key: "v", says: "Move the image" },
  { id: "label", name: "Brush", key: "b", says: "Give all of each region that is brushed the class" },
  { id: "mark", name: "Pen", key: "p", says: "Give only the pixels that are drawn the class" },
  { id: "erase", name: "Erase", key: "e", says: "Take the class from each region that is brushed" },
  { id: "join", name: "Join", key: "j", says: "Make the regions that a line goes over one" },
  { id: "cut", name: "Cut", key: "c", says: "Divide a region along a line, from border to border" },
  { id: "split", name: "Split", key: "s", says: "Divide a region into superpixels" },
];
const WITH_RADIUS = ["label", "mark", "erase"];
const LINES = ["join", "cut"];

export class Tools {
  // `page` has tool, radius, color() of the class, use(path), say(text)
  constructor(viewer, page) {
    this.viewer = viewer;
    this.page = page;
    this.begun = null; // where the keyboard began a line
    const { canvas } = viewer;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", () => this.drop());
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => viewer.draw());
    canvas.addEventListener("blur", () => viewer.draw());
  }

  down(event) {
    if (!this.viewer.model) return;
    this.viewer.canvas.setPointerCapture(event.pointerId);
    this.last = [event.clientX, event.clientY];
    this.drags = this.page.tool === "pan" || event.button !== 0;
    if (this.drags) return;
    this.begun = null;
    this.start();
    this.viewer.line = [this.viewer.at(event)];
    this.viewer.draw();
  }

  start() {
    this.viewer.radius = WITH_RADIUS.includes(this.page.tool) ? this.page.radius : 0;
    this.viewer.lineColor = this.page.color();
  }

  move(event) {
    if (!this.last) return;
    if (this.drags) {
      const { ratio } = this.viewer;
      this.viewer.pan((event.clientX - this.last[0]) * ratio, (event.clientY - this.last[1]) * ratio);
      this.last = [event.clientX, event.clientY];
      return;
    }
    for (const one of event.getCoalescedEvents?.() ?? [event]) this.viewer.line.push(this.viewer.at(one));
    this.viewer.draw();
  }

  up(event) {
    if (!this.last) return;
    const path = this.viewer.line;
    const dragged = this.drags;
    if (!dragged) path.push(this.viewer.at(event));
    this.drop();
    if (!dragged) this.page.use(thinned(path), event);
  }

  drop() {
    this.last = null;
    this.viewer.line = [];
    this.viewer.draw();
  }

  wheel(event) {
    event.preventDefault();
    const box = this.viewer.canvas.getBoundingClientRect(), { ratio } = this.viewer;
    this.viewer.zoom(2 ** (-event.deltaY / 300), (event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio);
  }

  key(event) {
    const { viewer, page } = this;
    if (!viewer.model || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 1 : Math.max(1, 20 / viewer.scale);
    const steps = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (steps[event.key]) {
      viewer.moveCross(...steps[event.key]);
      if (this.begun) viewer.line = [this.begun, viewer.cross];
      page.say(page.whatIsAt(viewer.cross));
    } else if (event.key === "Enter" || event.key === " ") {
      this.act();
    } else if (event.key === "Escape") {
      this.begun = null;
      this.drop();
    } else return;
    event.preventDefault();
  }

  // Use the tool at the cross; of a line, begin or end it there.
  act() {
    const { viewer, page } = this;
    if (!viewer.cross) viewer.moveCross(0, 0);
    if (page.tool === "pan") return page.say(page.whatIsAt(viewer.cross));
    if (LINES.includes(page.tool) && !this.begun) {
      this.begun = viewer.cross;
      this.start();
      return page.say("The line begins here. Enter ends it, Escape drops it.");
    }
    const path = this.begun ? [this.begun, viewer.cross] : [viewer.cross];
    this.begun = null;
    this.drop();
    page.use(path);
  }
}

// A path without points that say nothing, at most as long as the server takes.
function thinned(path) {
  const found = [path[0]];
  for (const point of path) {
    const [x, y] = found[found.length - 1];
    if (Math.hypot(point[0] - x, point[1] - y) >= 0.5) found.push(point);
  }
  const step = Math.ceil(found.length / 10000);
  return found.filter((_, k) => k % step === 0 || k === found.length - 1);
}
