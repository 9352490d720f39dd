import { expect, test } from "vitest";
import { keep, KEPT, ratesOf, type Look } from "./history.ts";

const look = (second: number, spans: number): Look => ({ atMs: second * 1000, counts: { spans } });

test("rates are those between two looks", () => {
  const looks = [look(0, 10), look(2, 10), look(4, 110)].reduce(keep, [] as readonly Look[]);
  expect(ratesOf(looks, "spans")).toEqual([0, 50]);
  expect(ratesOf(looks, "nothing")).toEqual([0, 0]);
  expect(ratesOf([], "spans")).toEqual([]);
});

test("a server that was started anew begins anew", () => {
  const looks = [look(0, 10), look(2, 30), look(4, 5), look(6, 7)].reduce(keep, [] as readonly Look[]);
  expect(ratesOf(looks, "spans")).toEqual([1]);
});

test("two minutes are kept", () => {
  const looks = Array.from({ length: 200 }, (_, i) => look(i * 2, i)).reduce(keep, [] as readonly Look[]);
  expect(ratesOf(looks, "spans")).toHaveLength(KEPT);
});
