import { describe, expect, it } from "vitest";
import { barOf, groupBars } from "./bars.ts";
import { linearAxis } from "./axis.ts";
import { arrange } from "./flatten.ts";
import { findFolds } from "./fold.ts";
import { groupLabel, labelOf } from "./labels.ts";
import { buildTable, FLAG } from "./span_table.ts";
import { makeTree } from "./testing.ts";

const none = new Map<number, string>();

describe("labels", () => {
  const table = buildTable(makeTree([
    { id: "t", op: "turn", turn: 2, duration: 100, name: "claude_code.interaction" },
    { id: "m", parent: 0, op: "model", name: "opus-5-5", detail: "opus-5-5 · 12.4k→49" },
    { id: "b", parent: 0, op: "tool", name: "claude_code.tool", tool: "Bash", detail: "ls\n\u0000" },
    { id: "s", parent: 0, op: "agent", name: "Explore", flags: FLAG.subagentRoot },
    { id: "h", parent: 0, op: "hook", name: "PreToolUse guard.py", detail: "PreToolUse guard.py: denied" },
  ]));

  it("say a name and what matters, once", () => {
    const prompts = new Map([[2, "Fix the bug"]]);
    expect([0, 1, 2, 3, 4].map((row) => labelOf(table, row, prompts)).map(({ name, detail }) => [name, detail])).toEqual([
      ["turn 2", "Fix the bug"],
      ["opus-5-5", "12.4k→49"],
      ["Bash", "ls ␀"],
      ["subagent Explore", ""],
      ["PreToolUse guard.py: denied", ""],
    ]);
  });

  it("of a group name what varies", () => {
    const rows = [1, 2, 3, 4, 5, 6].map((i) => ({ id: `r${i}`, parent: 0, start: i, tool: "Read", detail: `part_${i}.py` }));
    const reads = buildTable(makeTree([{ id: "t", op: "turn", turn: 1, duration: 100 }, ...rows]));
    const folds = findFolds(reads, arrange(reads, new Uint8Array(reads.count)));
    expect(groupLabel(reads, folds, 1, none)).toEqual({ name: "Read", detail: "", varying: "part_1 … part_6", after: ".py" });
  });
});

describe("bars", () => {
  const table = buildTable(makeTree([
    { id: "whole", start: 0, duration: 1000 },
    { id: "point", start: 500, duration: 0 },
    { id: "near", start: 501, duration: 1 },
    { id: "late", start: 900, duration: 100 },
  ]));
  const axis = linearAxis(table);

  it("never vanish, however short", () => {
    expect(barOf(table, 1, axis, { from: 0, to: 1000 }, 100)).toMatchObject({ left: 50, width: 2 });
    expect(barOf(table, 3, axis, { from: 0, to: 1e9 }, 100)!.width).toBe(2);
  });

  it("are cut at the edges of the window and left out beyond", () => {
    expect(barOf(table, 0, axis, { from: 400, to: 600 }, 100)).toMatchObject({ cutLeft: true, cutRight: true });
    expect(barOf(table, 3, axis, { from: 0, to: 500 }, 100)).toBeNull();
  });

  it("of a group merge where they touch", () => {
    expect(groupBars(table, Int32Array.of(1, 2, 3), axis, { from: 0, to: 1000 }, 100).length).toBe(2);
  });
});
