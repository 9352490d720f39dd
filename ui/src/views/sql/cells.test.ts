import { describe, expect, it } from "vitest";
import { cellLink, cellText, columnWidths, isNumeric } from "./cells.ts";

describe("cells", () => {
  it("lead to sessions, traces and spans", () => {
    const names = ["session_id", "trace_id", "span_id", "tool_name"];
    const row = ["s/1", "aa", "bb", "Bash"];
    expect(row.map((_, column) => cellLink(names, row, column))).toEqual(["/replay/s%2F1", "/trace/aa", "/replay/s%2F1?span=aa:bb", null]);
  });

  it("lead to a span by its trace when there is no session", () => {
    expect(cellLink(["span_id", "trace_id"], ["bb", "aa"], 0)).toBe("/trace/aa?span=aa:bb");
    expect(cellLink(["span_id"], ["bb"], 0)).toBeNull();
    expect(cellLink(["session_id"], [null], 0)).toBeNull();
  });

  it("show integers beyond 2^53 exactly", () => {
    expect(cellText(9007199254740993n)).toBe("9007199254740993");
    expect(cellText({ a: [1n] })).toBe('{ "a": [ 1 ] }');
  });

  it("knows numbers by their type", () => {
    expect(["BIGINT", "UBIGINT", "DOUBLE", "DECIMAL(18,3)", "HUGEINT", "VARCHAR", "BIGINT[]"].map(isNumeric)).toEqual([true, true, true, true, true, false, false]);
  });

  it("fit their content within limits", () => {
    expect(columnWidths({ columns: [{ name: "a", type: "VARCHAR" }, { name: "b", type: "VARCHAR" }], rows: [["x".repeat(500), "1"]], truncated: false, elapsed_ms: 1 })).toEqual([63, 9]);
  });
});
