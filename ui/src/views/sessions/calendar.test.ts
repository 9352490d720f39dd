import { expect, it } from "vitest";
import { addUp, dayName, makeCalendar } from "./calendar.ts";

const utcDay = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const seconds = (iso: string) => Date.parse(iso) / 1000;

it("adds quarters of an hour up to days", () => {
  const days = addUp({ start_s: [seconds("2026-11-20T23:45:00Z"), seconds("2026-11-21T00:00:00Z"), seconds("2026-11-21T08:15:00Z")], session_count: [1, 2, 3], tokens: [10, 20, 30], cost_usd: [null, 0.5, 0.25] }, utcDay);
  expect(days.get("2026-11-20")).toEqual({ sessions: 1, tokens: 10, cost: 0 });
  expect(days.get("2026-11-21")).toEqual({ sessions: 5, tokens: 50, cost: 0.75 });
});

it("ends with the week of today, Monday first", () => {
  const days = new Map([["2026-11-21", { sessions: 16, tokens: 0, cost: 0 }], ["2026-11-16", { sessions: 1, tokens: 0, cost: 0 }]]);
  const calendar = makeCalendar(days, "2026-11-21", 53);
  expect(calendar.rows.map((row) => row.length)).toEqual([53, 53, 53, 53, 53, 53, 53]);
  expect(calendar.rows[5]!.at(-1)).toMatchObject({ day: "2026-11-21", sessions: 16, level: 4 });
  expect(calendar.rows[0]!.at(-1)).toMatchObject({ day: "2026-11-16", level: 1 });
  expect(calendar.rows[6]!.at(-1)!.day).toBe("");
  expect(calendar.rows[0]![0]!.day).toBe("2025-11-17");
  expect(calendar.months.map((month) => month.label)).toContain("Nov");
  expect(dayName("2026-11-21")).toBe("Sat 21 Nov 2026");
});
