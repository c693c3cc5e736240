// The merge tree of an image, cut here at any threshold, as the server cuts it.

export class Tree {
  constructor(buffer) {
    const [n, nHeights, nPairs, nJoins] = new Int32Array(buffer, 0, 4);
    let place = 16;
    const take = (Kind, length) => {
      const array = new Kind(buffer, place, length);
      place += array.byteLength;
      return array;
    };
    this.n = n;
    this.heights = take(Float64Array, nHeights);
    this.pairs = take(Int32Array, 2 * nPairs);
    this.ranks = take(Int32Array, nPairs);
    this.joins = take(Int32Array, 2 * nJoins);
    this.alive = take(Uint8Array, n);
  }

  get merges() { return this.heights.length; }

  // Region of each atom when the merges before `cut` are done, and how many regions there are.
  cut(cut) {
    const parent = new Int32Array(this.n);
    for (let i = 0; i < this.n; i++) parent[i] = i;
    const find = (a) => {
      while (parent[a] !== a) { parent[a] = parent[parent[a]]; a = parent[a]; }
      return a;
    };
    const join = (pairs, k) => {
      const a = find(pairs[2 * k]), b = find(pairs[2 * k + 1]);
      if (a < b) parent[b] = a; else parent[a] = b;
    };
    for (let k = 0; 2 * k < this.joins.length; k++) join(this.joins, k);
    for (let k = 0; k < this.ranks.length && this.ranks[k] < cut; k++) join(this.pairs, k);
    const seen = new Uint8Array(this.n);
    let count = 0;
    for (let i = 0; i < this.n; i++) {
      parent[i] = find(i);
      if (this.alive[i] && !seen[parent[i]]) { seen[parent[i]] = 1; count++; }
    }
    return { groups: parent, count };
  }

  // The cut that leaves a number of regions, as nearly as there is one.
  cutFor(count) {
    let low = 0, high = this.merges;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.cut(middle).count > count) low = middle + 1; else high = middle;
    }
    return low;
  }

  height(cut) { return cut > 0 ? this.heights[cut - 1] : 0; }
}
