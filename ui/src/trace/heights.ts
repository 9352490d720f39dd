// Heights of a long list of rows that are measured only once they have been drawn. A Fenwick tree
// keeps offsets and hit tests logarithmic, so that 100,000 rows scroll as ten do.

export class Heights {
  readonly count: number;
  private readonly height: Float64Array;
  private readonly tree: Float64Array;
  private readonly top: number;

  /** `estimate` stands for a row's height in pixels until it is measured. */
  constructor(count: number, estimate: (index: number) => number) {
    this.count = count;
    this.height = new Float64Array(count);
    this.tree = new Float64Array(count + 1);
    for (let i = 0; i < count; i++) this.tree[i + 1] = this.height[i] = estimate(i);
    for (let i = 1; i <= count; i++) {
      const up = i + (i & -i);
      if (up <= count) this.tree[up]! += this.tree[i]!;
    }
    let top = 1;
    while (top * 2 <= count) top *= 2;
    this.top = top;
  }

  heightOf(index: number): number {
    return this.height[index] ?? 0;
  }

  /** Takes a measured height; returns by how much the row grew. */
  set(index: number, height: number): number {
    const delta = height - this.height[index]!;
    if (delta === 0) return 0;
    this.height[index] = height;
    for (let i = index + 1; i <= this.count; i += i & -i) this.tree[i]! += delta;
    return delta;
  }

  /** Where row `index` begins; the height of everything for `index` = count. */
  offsetOf(index: number): number {
    let sum = 0;
    for (let i = Math.min(index, this.count); i > 0; i -= i & -i) sum += this.tree[i]!;
    return sum;
  }

  get total(): number {
    return this.offsetOf(this.count);
  }

  /** The row that `offset` falls into, at the ends the first or last. */
  indexAt(offset: number): number {
    if (this.count === 0) return 0;
    let at = 0;
    let rest = Math.max(0, offset);
    for (let step = this.top; step > 0; step >>= 1) {
      const next = at + step;
      if (next <= this.count && this.tree[next]! <= rest) {
        at = next;
        rest -= this.tree[next]!;
      }
    }
    return Math.min(at, this.count - 1);
  }
}
