import { expect, it } from "vitest";
import { foldAlike } from "./fold.ts";

it("folds long stretches that are alike, and leaves some rows around a difference", () => {
  const alike = [...Array.from({ length: 10 }, () => true), false];
  expect(foldAlike(alike)).toEqual([{ from: 0, to: 8 }, 8, 9, 10]);
  expect(foldAlike([true, true, false, true])).toEqual([0, 1, 2, 3]);
  expect(foldAlike([true, true])).toEqual([0, 1]);
  expect(foldAlike([])).toEqual([]);
});
