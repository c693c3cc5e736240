// One image as the page knows it: what the server said, its layers, and the regions at the threshold.

import { ask, bytes, tell } from "./api.js";
import { Tree } from "./partition.js";

export class Model {
  constructor(id) { this.id = id; }

  // Read all there is. Twice where it changed between two questions.
  async load() {
    for (let k = 0; k < 3; k++) {
      Object.assign(this, { undo: null, redo: null, predicted: null, certainty: null }, await ask(`images/${this.id}`));
      if (this.rows === undefined) return;
      const names = ["tree", "layers/regions", "layers/classes"];
      const [tree, atoms, classes] = await Promise.all(names.map((name) => bytes(`images/${this.id}/${name}`)));
      if ([tree, atoms, classes].some((part) => part.version !== this.version)) continue;
      this.tree = new Tree(tree.buffer);
      this.atoms = new Int32Array(atoms.buffer);
      this.classes = new Uint8Array(classes.buffer);
      await this.loadPrediction();
      this.keptCut = this.cut;
      return this.setCut(this.cut);
    }
  }

  async loadPrediction() {
    this.predicted = this.certainty = null;
    const about = await ask(`images/${this.id}`);
    if (!about.predicted) return;
    const parts = await Promise.all(["predicted", "certainty"].map((name) => bytes(`images/${this.id}/layers/${name}`)));
    [this.predicted, this.certainty] = parts.map((part) => new Uint8Array(part.buffer));
  }

  // Take over what an edit changed: parts of layers, and the tree.
  async take(answer) {
    const { changed, predicted, ...about } = answer;
    if (!this.atoms || changed.resized) return this.load();
    Object.assign(this, about);
    const wanted = Object.entries(changed.layers).map(async ([name, box]) => {
      const part = await bytes(`images/${this.id}/layers/${name}?box=${box}`);
      const values = name === "regions" ? new Int32Array(part.buffer) : new Uint8Array(part.buffer);
      const layer = name === "regions" ? this.atoms : this.classes;
      const [top, left, bottom, right] = box, width = right - left;
      for (let row = top; row < bottom; row++)
        layer.set(values.subarray((row - top) * width, (row - top + 1) * width), row * this.columns + left);
      return part.version;
    });
    if (changed.tree) wanted.push(bytes(`images/${this.id}/tree`).then((part) => {
      this.tree = new Tree(part.buffer);
      return part.version;
    }));
    const versions = await Promise.all(wanted);
    if (versions.some((version) => version !== this.version)) return this.load();
    this.setCut(this.cut);
  }

  // Regions at a threshold: nothing is asked.
  setCut(cut) {
    this.cut = cut;
    const { groups, count } = this.tree.cut(cut);
    this.groups = groups;
    this.regions = count;
  }

  // Tell the server where the threshold is, if it does not know.
  async keepCut() {
    if (this.cut === this.keptCut) return;
    await tell(`images/${this.id}/cut`, { version: this.version, cut: this.cut });
    this.keptCut = this.cut;
  }

  // Region and class of a pixel of the image.
  at([x, y]) {
    const row = Math.floor(y / this.factor), column = Math.floor(x / this.factor);
    if (!this.atoms || row < 0 || column < 0 || row >= this.rows || column >= this.columns) return null;
    const place = row * this.columns + column, atom = this.atoms[place];
    return atom < 0 ? null : { region: this.groups[atom], class: this.classes[place] };
  }
}
