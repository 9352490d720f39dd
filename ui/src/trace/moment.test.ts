import { describe, expect, it } from "vitest";
import { criticalPath, pathShares, piecesOf } from "./critical_path.ts";
import { arrange, plumbingMask } from "./flatten.ts";
import { hideKinds, QUIET } from "./kinds.ts";
import { buildTimeline, filePath, momentAt } from "./moment.ts";
import { buildTable } from "./span_table.ts";
import { makeTree } from "./testing.ts";
import { contextTrack, inSubagent, spendTrack } from "./tracks.ts";

function run() {
  const tree = makeTree([
    { id: "t", op: "turn", start: 0, duration: 100, turn: 1 },
    { id: "m1", parent: 0, op: "model", start: 5, duration: 15 },
    { id: "r", parent: 0, op: "tool", start: 20, duration: 10, tool: "Read", detail: "src/a.py" },
    { id: "b", parent: 0, op: "tool", start: 25, duration: 30, tool: "Bash", detail: "cat src/a.py | head" },
    { id: "e", parent: 0, op: "tool", start: 60, duration: 5, tool: "Edit", detail: "src/a.py" },
    { id: "m2", parent: 0, op: "model", start: 70, duration: 20 },
  ]);
  tree.columns.input_tokens = [-1, 4000, -1, -1, -1, 1500];
  tree.columns.output_tokens = [-1, 10, -1, -1, -1, 20];
  tree.columns.cost_usd = [null, 0.5, null, null, null, 0.25];
  return buildTable(tree);
}

describe("a moment of the run", () => {
  const table = run();
  const timeline = buildTimeline(table, plumbingMask(table, false).mask);

  it("knows what is open", () => {
    expect(momentAt(table, timeline, 27).open).toEqual([3, 2]);
    expect(momentAt(table, timeline, 27).openCount).toBe(2);
    expect(momentAt(table, timeline, 58)).toMatchObject({ open: [], openCount: 0, step: 3 });
  });

  it("sums what has ended", () => {
    expect(momentAt(table, timeline, 19)).toMatchObject({ tokensIn: 0, cost: 0, context: 1, contextTokens: 4000 });
    expect(momentAt(table, timeline, 20)).toMatchObject({ tokensIn: 4000, tokensOut: 10, cost: 0.5 });
    expect(momentAt(table, timeline, 100)).toMatchObject({ tokensIn: 5500, tokensOut: 30, cost: 0.75, context: 5 });
    expect(momentAt(table, timeline, 1)).toMatchObject({ context: -1, contextTokens: -1 });
  });

  it("names files from the instant they are touched", () => {
    expect(momentAt(table, timeline, 10).files).toEqual([]);
    expect(momentAt(table, timeline, 30).files.map((file) => [file.path, file.edited])).toEqual([["src/a.py", false]]);
    expect(momentAt(table, timeline, 61).files.map((file) => [file.path, file.edited])).toEqual([["src/a.py", true]]);
  });

  it.each([["src/a.py", true], ["README.md", true], ["/etc/hosts", true], ["ls -la", false], ["https://x.example/a", false], ["checkout", false], ["sku=SKU-42, qty=3", false], ["src/**/*.ts", false], ["3.14", false], ["", false]])("tells a file from another detail: %s", (detail, is) => {
    expect(filePath(detail) !== null).toBe(is);
  });

  it("draws context and cost", () => {
    const context = contextTrack(table, timeline, inSubagent(table))!;
    expect([...context.values]).toEqual([4000, 1500]);
    expect(context.drops).toEqual([70]);
    const spend = spendTrack(timeline)!;
    expect([spend.name, ...spend.values]).toEqual(["cost", 0.5, 0.75]);
  });
});

describe("the critical path", () => {
  it("follows what ended last", () => {
    const table = run();
    const path = criticalPath(table, arrange(table, new Uint8Array(table.count)));
    expect(piecesOf(path, 5)).toEqual([[70, 90]]);
    expect(piecesOf(path, 3)).toEqual([[25, 55]]);
    // The short read ran beside the command until that began.
    expect(piecesOf(path, 2)).toEqual([[20, 25]]);
    expect(piecesOf(path, 0)).toEqual([[0, 5], [55, 60], [65, 70], [90, 100]]);
    const total = pathShares(table, path).reduce((sum, { ns }) => sum + ns, 0);
    expect(total).toBe(100);
  });

  it("never covers an instant twice, whatever the tree", () => {
    const spans = Array.from({ length: 400 }, (_, i) => ({ id: `s${i}`, ...(i === 0 ? {} : { parent: Math.floor((i - 1) / 3) }), start: (i * 37) % 900, duration: 10 + ((i * 53) % 300) }));
    const table = buildTable(makeTree(spans));
    const path = criticalPath(table, arrange(table, new Uint8Array(table.count)));
    const pieces = Array.from({ length: path.count }, (_, i) => [path.from[i]!, path.to[i]!] as const).sort((a, b) => a[0] - b[0]);
    pieces.forEach(([from, to], i) => {
      expect(to).toBeGreaterThan(from);
      if (i > 0) expect(from).toBeGreaterThanOrEqual(pieces[i - 1]![1]);
    });
  });
});

describe("kinds that are left out", () => {
  it("hide their rows and never the turns", () => {
    const table = run();
    const none = new Uint8Array(table.count);
    expect([...hideKinds(table, none, new Set(["tool"]), new Map())]).toEqual([0, 0, 1, 1, 1, 0]);
    expect([...hideKinds(table, none, new Set([QUIET]), new Map([[3, "finding"]]))]).toEqual([0, 1, 1, 0, 1, 1]);
    expect(hideKinds(table, none, new Set(), new Map())).toBe(none);
  });
});
