import { describe, expect, it } from "vitest";
import { buildTable, FLAG, indexKeys, rowKey, stringAt } from "./span_table.ts";
import { makeTree, OPERATIONS } from "./testing.ts";

describe("buildTable", () => {
  it("orders children under their parents whatever the order of arrival", () => {
    const tree = makeTree([
      { id: "child", parent: 1, start: 5, op: "tool" },
      { id: "root", parent: -1, start: 0, op: "agent", duration: 100 },
      { id: "late", parent: 1, start: 50, op: "tool" },
    ]);
    const table = buildTable(tree);
    expect([...table.order].map((row) => table.spanId[row])).toEqual(["root", "child", "late"]);
    expect([...table.subtree]).toEqual([1, 3, 1]);
  });

  it("shows rows whose parents form a cycle instead of losing them", () => {
    const table = buildTable(makeTree([
      { id: "a", parent: 1, start: 0 },
      { id: "b", parent: 0, start: 1 },
      { id: "self", parent: 2, start: 2 },
    ]));
    expect([...table.order].sort()).toEqual([0, 1, 2]);
  });

  it("gives roots of a turn without a span of its own a band", () => {
    const table = buildTable(makeTree([
      { id: "m1", start: 10, duration: 5, op: "model", turn: 1 },
      { id: "m2", start: 20, duration: -1, op: "model", turn: 2 },
      { id: "t2", start: 30, duration: 5, op: "tool", turn: 2 },
    ]));
    expect(table.count).toBe(5);
    expect(table.spanCount).toBe(3);
    expect([...table.order]).toEqual([3, 0, 4, 1, 2]);
    expect(table.flags[3]! & FLAG.synthetic).toBeTruthy();
    expect(table.start[4]).toBe(20);
    expect(table.duration[4]).toBe(-1);
    expect(table.duration[3]).toBe(5);
    expect(OPERATIONS[table.operation[3]!]).toBe("turn");
  });

  it("hangs parentless rows of a turn under the turn's own span", () => {
    const table = buildTable(makeTree([
      { id: "turn", start: 0, duration: 100, op: "turn", turn: 1 },
      { id: "log", start: 50, duration: 0, op: "hook", turn: 1 },
    ]));
    expect(table.count).toBe(2);
    expect(table.parent[1]).toBe(0);
  });

  it("draws a span without an end to the end of everything known", () => {
    const table = buildTable(makeTree([
      { id: "open", start: 0, duration: -1 },
      { id: "done", start: 10, duration: 90 },
    ]));
    expect(table.end[0]).toBe(100);
    expect(table.duration[0]).toBe(-1);
  });

  it("names rows so that a reload finds them again", () => {
    const tree = makeTree([{ id: "aa", start: 0, turn: 1 }, { id: "bb", start: 1, turn: 1 }]);
    const table = buildTable(tree);
    const index = indexKeys(table);
    for (let row = 0; row < table.count; row++) expect(index.get(rowKey(table, row))).toBe(row);
    expect(stringAt(table, -1)).toBe("");
  });
});
