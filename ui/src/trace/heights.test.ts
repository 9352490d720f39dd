import { describe, expect, it } from "vitest";
import { Heights } from "./heights.ts";

describe("heights of measured rows", () => {
  it("find rows by offset before and after they are measured", () => {
    const heights = new Heights(1000, () => 10);
    expect(heights.total).toBe(10_000);
    expect(heights.indexAt(0)).toBe(0);
    expect(heights.indexAt(99)).toBe(9);
    expect(heights.indexAt(100)).toBe(10);
    expect(heights.set(3, 50)).toBe(40);
    expect(heights.set(3, 50)).toBe(0);
    expect(heights.offsetOf(4)).toBe(80);
    expect(heights.indexAt(79)).toBe(3);
    expect(heights.indexAt(80)).toBe(4);
    expect(heights.indexAt(1e9)).toBe(999);
    expect(heights.offsetOf(1000)).toBe(heights.total);
  });

  it("agree with a plain sum whatever is measured", () => {
    const sizes = Array.from({ length: 777 }, (_, i) => 20 + ((i * 37) % 91));
    const heights = new Heights(777, () => 24);
    sizes.forEach((size, i) => heights.set(i, size));
    let top = 0;
    sizes.forEach((size, i) => {
      expect(heights.offsetOf(i)).toBe(top);
      expect(heights.indexAt(top)).toBe(i);
      expect(heights.indexAt(top + size - 1)).toBe(i);
      top += size;
    });
  });

  it("of nothing are nothing", () => {
    const heights = new Heights(0, () => 24);
    expect([heights.total, heights.indexAt(5), heights.offsetOf(0)]).toEqual([0, 0, 0]);
  });
});
