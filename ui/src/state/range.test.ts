import { expect, it } from "vitest";
import { readRange, stepFor, writeRange } from "./range.ts";

it("reads named ranges and ranges of their own", () => {
  expect(readRange("24h", 1_000_000)).toEqual({ name: "24h", fromS: 913_600, untilS: 1_000_000 });
  expect(readRange("5-9", 100)).toEqual({ name: null, fromS: 5, untilS: 9 });
  for (const bad of [null, "", "9-5", "x", "5-5"]) expect(readRange(bad, 1_000_000).name).toBe("7d");
  expect(readRange(writeRange(5.5, 9.2), 100)).toMatchObject({ fromS: 5, untilS: 10 });
});

it("cuts a range into round steps", () => {
  expect(stepFor(0, 86_400)).toBe(1800);
  expect(stepFor(0, 7 * 86_400)).toBe(2 * 3600);
  expect(stepFor(0, 4000 * 86_400)).toBeGreaterThan(7 * 86_400);
});
