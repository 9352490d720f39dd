import { describe, expect, it } from "vitest";
import type { SqlResult } from "../../api/types.ts";
import { bars, planChart, timeSeries } from "./chart_data.ts";
import { readList, withPast } from "./query_store.ts";

const result = (columns: [string, string][], rows: SqlResult["rows"]): SqlResult => ({ columns: columns.map(([name, type]) => ({ name, type })), rows, truncated: false, elapsed_ms: 1 });
const tools = result([["tool", "VARCHAR"], ["calls", "BIGINT"], ["seconds", "DOUBLE"]], [["Bash", 3, 1.5], [null, 2n, null]]);
const days = result([["n", "BIGINT"], ["day", "TIMESTAMP_NS"]], [[2, "2026-11-22T00:00:00Z"], [1, "2026-11-21T00:00:00Z"], [9, null]]);

describe("a chart of a result", () => {
  it("is bars by name, or a line over time", () => {
    expect(planChart(tools)).toEqual({ x: 0, y: [1], kind: "bars" });
    expect(planChart(days)).toEqual({ x: 1, y: [0], kind: "time" });
    expect(planChart(tools, { x: "tool", y: ["seconds", "nothing"] })).toEqual({ x: 0, y: [2], kind: "bars" });
    expect(planChart(result([["a", "VARCHAR"]], [["x"]]))).toBe(null);
    expect(planChart(result([["n", "BIGINT"]], [[1]]))).toBe(null);
  });

  it("takes its values from the rows", () => {
    expect(bars(tools, planChart(tools)!, 10)).toEqual([{ label: "Bash", values: [3] }, { label: "null", values: [2] }]);
    expect(timeSeries(days, planChart(days)!)).toEqual({ x: [Date.parse("2026-11-21T00:00:00Z") / 1000, Date.parse("2026-11-22T00:00:00Z") / 1000], y: [[1, 2]] });
  });
});

describe("stored queries", () => {
  it("are read with care", () => {
    expect(readList("nonsense", () => true)).toEqual([]);
    expect(readList('[{"sql":"a"},3,null]', (item) => typeof item["sql"] === "string")).toEqual([{ sql: "a" }]);
  });

  it("stand in the history once", () => {
    const list = withPast([{ sql: "select 1", at: 1, rows: 1 }, { sql: "select 2", at: 0, rows: 1 }], { sql: " select 2 ", at: 5, rows: 3 });
    expect(list.map((query) => query.at)).toEqual([5, 1]);
  });
});
