import { expect, it } from "vitest";
import type { Timeline } from "../../api/overview.ts";
import { stepsOf } from "./steps.ts";

it("fills the steps in which nothing happened", () => {
  const timeline = { from_ns: 0, until_ns: 4e9, step_ns: 1e9, step: [1, 3], session_count: [2, 1], model_p50_ns: [null, 7], cost_usd: [null, 0.5] } as Timeline;
  const steps = stepsOf(timeline);
  expect(steps.x).toEqual([0.5, 1.5, 2.5, 3.5]);
  expect(steps.sum("session_count")).toEqual([0, 2, 0, 1]);
  expect(steps.gap("model_p50_ns")).toEqual([null, null, null, 7]);
  expect(steps.total("cost_usd")).toBe(0.5);
});
