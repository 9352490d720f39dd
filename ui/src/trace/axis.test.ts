import { describe, expect, it } from "vitest";
import { axisTicks, compressedAxis, findIdle, linearAxis, toAxis, toTime } from "./axis.ts";
import { binMinimap } from "./minimap.ts";
import { searchTable, seek } from "./search.ts";
import { buildTable } from "./span_table.ts";
import { makeTree } from "./testing.ts";
import { clampWindow, formatTick, ticks, tickStep, zoomAround } from "./viewport.ts";

const S = 1e9;
const table = buildTable(makeTree([
  { id: "a", start: 0, duration: 10 * S, name: "Read README.md" },
  { id: "b", start: 3600 * S, duration: 5 * S, op: "model", status: 2 },
  { id: "c", start: 3604 * S, duration: 6 * S, op: "model" },
]));

describe("axis", () => {
  it("finds the stretch where nothing runs", () => {
    expect(findIdle(table)).toEqual([{ from: 10 * S, to: 3600 * S }]);
  });

  it("maps there and back, before, inside and after a gap", () => {
    const axis = compressedAxis(table);
    expect(axis.total).toBeLessThan(25 * S);
    for (const time of [0, 5 * S, 10 * S, 1000 * S, 3600 * S, 3605 * S, table.total]) {
      expect(Math.abs(toTime(axis, toAxis(axis, time)) - time)).toBeLessThan(1000);
    }
    expect(Math.abs(toAxis(axis, table.total) - axis.total)).toBeLessThan(1000);
  });

  it("puts no tick inside a gap", () => {
    const axis = compressedAxis(table);
    const { ticks: list } = axisTicks(axis, { from: 0, to: axis.total }, 10);
    expect(list.length).toBeGreaterThan(4);
    for (const tick of list) expect(tick.time <= 10 * S || tick.time >= 3600 * S).toBe(true);
  });
});

describe("viewport", () => {
  it("keeps the instant under the pointer in place", () => {
    const window = zoomAround({ from: 0, to: 100 * S }, 30 * S, 0.5, 100 * S);
    expect(window).toEqual({ from: 15 * S, to: 65 * S });
    expect(zoomAround(window, 30 * S, 100, 100 * S)).toEqual({ from: 0, to: 100 * S });
  });

  it("never leaves the recording", () => {
    expect(clampWindow({ from: -5, to: 5000 }, 1000)).toEqual({ from: 0, to: 1000 });
    expect(clampWindow({ from: 900, to: 1400 }, 1000)).toEqual({ from: 500, to: 1000 });
  });

  it("steps from nanoseconds to days", () => {
    expect(tickStep(800, 8)).toBe(100);
    expect(tickStep(42 * S, 8)).toBe(10 * S);
    expect(tickStep(30 * 86400 * S, 8)).toBe(120 * 3600 * S);
    expect(ticks({ from: 0, to: 42 * S }, 8).map((tick) => formatTick(tick, 10 * S))).toEqual(["0", "10 s", "20 s", "30 s", "40 s"]);
  });

  it("labels ticks in the unit of their step", () => {
    expect(formatTick(1.5e6, 5e5)).toBe("1.5 ms");
    expect(formatTick(2.25 * S, 0.05 * S)).toBe("2.25 s");
    expect(formatTick(125 * S, 5 * S)).toBe("2:05");
    expect(formatTick(120 * S, 60 * S)).toBe("2 min");
    expect(formatTick(3660 * S, 60 * S)).toBe("1:01 h");
  });
});

describe("minimap", () => {
  it("shows every act, however short, in its lane", () => {
    const bins = binMinimap(table, linearAxis(table), new Uint8Array(table.count), [2], 100);
    expect(bins.lanes.map((lane) => lane.name)).toEqual(["model", "tool"]);
    expect(bins.lanes[1]!.cover[0]).toBeGreaterThan(0);
    expect(bins.lanes[0]!.cover[99]).toBeGreaterThan(0);
    expect(bins.errors[99]).toBe(1);
    expect(bins.findings[99]).toBe(1);
  });
});

describe("search", () => {
  it("matches names whatever their case, and ids by their start", () => {
    expect([...searchTable(table, "readme")!.mask]).toEqual([1, 0, 0]);
    expect(searchTable(table, "model")!.count).toBe(2);
    expect(searchTable(table, "  ")).toBeNull();
  });

  it("goes round once", () => {
    expect(seek(4, 2, 1, (place) => place === 1)).toBe(1);
    expect(seek(4, 0, -1, (place) => place === 3)).toBe(3);
    expect(seek(4, 0, 1, () => false)).toBe(-1);
    expect(seek(4, -1, 1, () => true)).toBe(0);
  });
});
