// What changed between two texts, line by line.

export interface DiffLine {
  kind: "same" | "removed" | "added" | "gap";
  text: string;
  /** Line numbers from 1; null on the side that does not have the line, or where they are unknown. */
  before: number | null;
  after: number | null;
}

/** Beyond this many edits the middle is shown as removed and added whole. */
const MOST_EDITS = 2000;

/** Lines of two texts side by side (Myers), shortest script first. */
export function diffLines(before: string, after: string): DiffLine[] {
  const a = splitLines(before);
  const b = splitLines(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const lines: DiffLine[] = [];
  const same = (i: number, j: number) => lines.push({ kind: "same", text: a[i]!, before: i + 1, after: j + 1 });
  for (let i = 0; i < head; i++) same(i, i);
  middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail), head, lines);
  for (let k = tail; k > 0; k--) same(a.length - k, b.length - k);
  return lines;
}

function splitLines(text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  if (lines[lines.length - 1] === "") lines.pop();
  return lines;
}

function middle(a: string[], b: string[], offset: number, into: DiffLine[]): void {
  const [n, m] = [a.length, b.length];
  const trace: Int32Array[] = [];
  const limit = Math.min(n + m, MOST_EDITS);
  const width = 2 * limit + 3;
  const centre = limit + 1;
  const v = new Int32Array(width);
  let found = n + m === 0 ? 0 : -1;
  for (let d = 0; d <= limit && found < 0; d++) {
    trace.push(v.slice(centre - d - 1, centre + d + 2));
    for (let k = -d; k <= d; k += 2) {
      let x = k === -d || (k !== d && v[centre + k - 1]! < v[centre + k + 1]!) ? v[centre + k + 1]! : v[centre + k - 1]! + 1;
      let y = x - k;
      while (x < n && y < m && a[x] === b[y]) {
        x++;
        y++;
      }
      v[centre + k] = x;
      if (x >= n && y >= m) {
        found = d;
        break;
      }
    }
  }
  if (found < 0) {
    a.forEach((text, i) => into.push({ kind: "removed", text, before: offset + i + 1, after: null }));
    b.forEach((text, i) => into.push({ kind: "added", text, before: null, after: offset + i + 1 }));
    return;
  }
  const back: DiffLine[] = [];
  let [x, y] = [n, m];
  for (let d = found; d >= 0 && (x > 0 || y > 0); d--) {
    const row = trace[d]!;
    const at = (k: number) => row[k + d + 1]!;
    const k = x - y;
    const down = k === -d || (k !== d && at(k - 1) < at(k + 1));
    const fromK = down ? k + 1 : k - 1;
    const fromX = d === 0 ? 0 : at(fromK);
    const fromY = d === 0 ? 0 : fromX - fromK;
    while (x > fromX && y > fromY && x > 0 && y > 0) {
      x--;
      y--;
      back.push({ kind: "same", text: a[x]!, before: offset + x + 1, after: offset + y + 1 });
    }
    if (d === 0) break;
    if (down) {
      y--;
      back.push({ kind: "added", text: b[y]!, before: null, after: offset + y + 1 });
    } else {
      x--;
      back.push({ kind: "removed", text: a[x]!, before: offset + x + 1, after: null });
    }
  }
  for (let i = back.length - 1; i >= 0; i--) into.push(back[i]!);
}

/** Drops runs of equal lines but for some around each change. */
export function withContext(lines: DiffLine[], context = 3): DiffLine[] {
  const keep = new Uint8Array(lines.length);
  lines.forEach((line, i) => {
    if (line.kind === "same") return;
    for (let j = Math.max(0, i - context); j <= Math.min(lines.length - 1, i + context); j++) keep[j] = 1;
  });
  const list: DiffLine[] = [];
  let hidden = 0;
  const flush = () => {
    if (hidden > 0) list.push({ kind: "gap", text: String(hidden), before: null, after: null });
    hidden = 0;
  };
  lines.forEach((line, i) => {
    if (keep[i] === 0 && line.kind === "same") hidden++;
    else {
      flush();
      list.push(line);
    }
  });
  flush();
  return list;
}

export interface Pair {
  left: DiffLine | null;
  right: DiffLine | null;
}

/** Pairs removed with added lines for a view side by side. */
export function sideBySide(lines: DiffLine[]): Pair[] {
  const pairs: Pair[] = [];
  let i = 0;
  while (i < lines.length) {
    const line = lines[i]!;
    if (line.kind === "same" || line.kind === "gap") {
      pairs.push({ left: line, right: line });
      i++;
      continue;
    }
    const removed: DiffLine[] = [];
    const added: DiffLine[] = [];
    while (i < lines.length && (lines[i]!.kind === "removed" || lines[i]!.kind === "added")) {
      (lines[i]!.kind === "removed" ? removed : added).push(lines[i]!);
      i++;
    }
    for (let k = 0; k < Math.max(removed.length, added.length); k++) pairs.push({ left: removed[k] ?? null, right: added[k] ?? null });
  }
  return pairs;
}
