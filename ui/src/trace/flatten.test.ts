import { describe, expect, it } from "vitest";
import { arrange, flatten, plumbingMask } from "./flatten.ts";
import { findFolds } from "./fold.ts";
import { buildTable, FLAG, type SpanTable } from "./span_table.ts";
import { makeTree, type TestSpan } from "./testing.ts";

const shown = (table: SpanTable, flat: ReturnType<typeof flatten>) =>
  [...flat.rows.subarray(0, flat.count)].map((row, place) => "  ".repeat(flat.depth[place]!) + table.spanId[row]);

const spans: TestSpan[] = [
  { id: "turn", start: 0, op: "turn", turn: 1, duration: 100 },
  { id: "model", parent: 0, start: 1, op: "model" },
  { id: "tool", parent: 0, start: 2 },
  { id: "wait", parent: 2, start: 3, op: "internal", flags: FLAG.plumbing },
  { id: "sub", parent: 3, start: 4, op: "agent", flags: FLAG.subagentRoot },
  { id: "inner", parent: 4, start: 5 },
  { id: "copy", parent: 0, start: 6, flags: FLAG.duplicate },
];

describe("flatten", () => {
  const table = buildTable(makeTree(spans));

  it("gives a hidden row's place to its children", () => {
    const { mask, plumbing, duplicates } = plumbingMask(table, false);
    const flat = flatten(table, null, arrange(table, mask));
    expect(shown(table, flat)).toEqual(["turn", "  model", "  tool", "    sub", "      inner"]);
    expect([plumbing, duplicates]).toEqual([1, 1]);
    expect(flat.lane[5]).toBe(2);
    expect(flat.lane[1]).toBe(-1);
    expect(flat.place[6]).toBe(-1);
  });

  it("drops what is below a collapsed row", () => {
    const collapsed = new Uint8Array(table.count);
    collapsed[2] = 1;
    expect(shown(table, flatten(table, collapsed, null))).toEqual(["turn", "  model", "  tool", "  copy"]);
  });

  it("knows which rows can be opened when plumbing is hidden", () => {
    const { subtree } = arrange(table, plumbingMask(table, false).mask);
    expect([0, 1, 2, 4, 5].map((row) => subtree[row]! > 1)).toEqual([true, false, true, true, false]);
  });

  it("puts what was below a hidden row among its new siblings by start", () => {
    const mixed = buildTable(makeTree([
      { id: "turn", start: 0, op: "turn", turn: 1, duration: 100 },
      { id: "loop", parent: 0, start: 1, flags: FLAG.plumbing, duration: 90 },
      { id: "a", parent: 1, start: 10 },
      { id: "model", parent: 0, start: 20, op: "model" },
      { id: "b", parent: 1, start: 30 },
    ]));
    expect(shown(mixed, flatten(mixed, null, arrange(mixed, plumbingMask(mixed, false).mask)))).toEqual(["turn", "  a", "  model", "  b"]);
  });

  it("shows a session of nothing but plumbing as it came", () => {
    const only = buildTable(makeTree([{ id: "a", flags: FLAG.plumbing }, { id: "b", flags: FLAG.duplicate }]));
    expect(flatten(only, null, arrange(only, plumbingMask(only, false).mask)).count).toBe(2);
  });

  it("is right on 100,000 rows", () => {
    const many: TestSpan[] = [];
    for (let i = 0; i < 100_000; i++) many.push({ id: String(i), parent: i === 0 ? -1 : (i - 1) >> 2, start: i, flags: i % 10 === 3 ? FLAG.plumbing : 0 });
    const big = buildTable(makeTree(many));
    const all = flatten(big, null, null);
    expect(all.count).toBe(100_000);
    const seen = new Uint8Array(100_000);
    const misplaced: number[] = [];
    for (let place = 0; place < all.count; place++) {
      const row = all.rows[place]!;
      seen[row] = 1;
      const up = big.parent[row]!;
      if (up >= 0 && !(all.place[up]! < place && all.depth[all.place[up]!]! + 1 === all.depth[place])) misplaced.push(row);
    }
    expect(misplaced).toEqual([]);
    expect(seen.every((value) => value === 1)).toBe(true);

    const collapsed = new Uint8Array(100_000);
    collapsed[1] = 1;
    const { mask } = plumbingMask(big, false);
    const some = flatten(big, collapsed, arrange(big, mask), null, null, all);
    const below = (row: number): boolean => row > 0 && (big.parent[row] === 1 || below(big.parent[row]!));
    let expected = 0;
    for (let row = 0; row < 100_000; row++) if (mask[row] === 0 && !below(row)) expected++;
    expect(some.count).toBe(expected);
  });

  it("walks a chain 100,000 deep without recursion", () => {
    const chain: TestSpan[] = [];
    for (let i = 0; i < 100_000; i++) chain.push({ id: String(i), parent: i - 1, start: i });
    const flat = flatten(buildTable(makeTree(chain)), null, null);
    expect(flat.depth[99_999]).toBe(99_999);
  });
});

describe("findFolds", () => {
  const leaf = (id: string, start: number, more: Partial<TestSpan> = {}): TestSpan => ({ id, parent: 0, start, ...more });
  const root: TestSpan = { id: "turn", start: 0, op: "turn", turn: 1, duration: 1000 };

  it("folds three equal calls and leaves two alone", () => {
    const table = buildTable(makeTree([root, ...[1, 2, 3].map((i) => leaf(`a${i}`, i, { hash: "h" })), leaf("b1", 4, { detail: "x" }), leaf("b2", 5, { detail: "x" })]));
    const hidden = arrange(table, new Uint8Array(table.count));
    const folds = findFolds(table, hidden);
    expect([...folds.members.get(1)!]).toEqual([1, 2, 3]);
    expect(folds.leader[4]).toBe(-1);
    expect(shown(table, flatten(table, null, hidden, folds, new Set()))).toEqual(["turn", "  a1", "  b1", "  b2"]);
    expect(flatten(table, null, hidden, folds, new Set([1])).count).toBe(6);
  });

  it("folds a model-tool cycle into one row each", () => {
    const rows = [root];
    for (let i = 0; i < 6; i++) rows.push(leaf(`m${i}`, i * 2, { op: "model", detail: `${i}k` }), leaf(`b${i}`, i * 2 + 1, { hash: "same" }));
    const table = buildTable(makeTree(rows));
    const folds = findFolds(table, arrange(table, new Uint8Array(table.count)));
    const flat = flatten(table, null, null, folds, new Set());
    expect(shown(table, flat)).toEqual(["turn", "  m0", "  b0"]);
    expect(folds.members.get(2)!.length).toBe(6);
  });

  it("takes a round that has only begun into its groups while the run goes on", () => {
    const rows = [root];
    for (let i = 0; i < 3; i++) rows.push(leaf(`m${i}`, i * 2, { op: "model" }), leaf(`b${i}`, i * 2 + 1, { hash: "same" }));
    rows.push(leaf("m3", 6, { op: "model" }));
    const lengths = (live: boolean) => {
      const table = buildTable(makeTree(rows));
      return [...findFolds(table, arrange(table, new Uint8Array(table.count)), live).members.values()].map((group) => group.length);
    };
    expect(lengths(true)).toEqual([4, 3]);
    expect(lengths(false)).toEqual([3, 3]);
    rows.push(leaf("other", 7, { hash: "other" }));
    expect(lengths(true)).toEqual([3, 3]);
  });

  it("keeps a running call out of a group", () => {
    const table = buildTable(makeTree([root, leaf("a", 1, { hash: "h" }), leaf("b", 2, { hash: "h" }), leaf("c", 3, { hash: "h", duration: -1 })]));
    expect(findFolds(table, arrange(table, new Uint8Array(table.count))).members.size).toBe(0);
  });

  it("does not fold a call that has acts below it", () => {
    const table = buildTable(makeTree([root, leaf("a", 1, { hash: "h" }), leaf("b", 2, { hash: "h" }), leaf("c", 3, { hash: "h" }), { id: "x", parent: 3, start: 4 }]));
    expect(findFolds(table, arrange(table, new Uint8Array(table.count))).members.size).toBe(0);
  });

  it("does not fold equal calls with different outcomes together", () => {
    const table = buildTable(makeTree([root, ...[0, 0, 2, 2].map((status, i) => leaf(`a${i}`, i, { hash: "h", status }))]));
    expect(findFolds(table, arrange(table, new Uint8Array(table.count))).members.size).toBe(0);
  });
});
