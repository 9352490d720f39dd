// Draws the density of a run: a lane per kind of act, trouble as ticks above and below.

import { tokenColour } from "../state/theme.ts";
import type { MinimapBins } from "../trace/minimap.ts";

const LANE = 6;
const GAP = 1;
const MARKS = 5;

/** Height in CSS pixels of so many lanes. */
export function lanesHeight(lanes: number): number {
  return MARKS * 2 + lanes * (LANE + GAP) + 2;
}

/** `bins` are as wide as the canvas has device pixels; `gaps` are columns where time is drawn short. */
export function drawLanes(element: HTMLCanvasElement, bins: MinimapBins, gaps: readonly number[] = []): void {
  const context = element.getContext("2d");
  if (context === null) return;
  const ratio = devicePixelRatio || 1;
  const tall = lanesHeight(bins.lanes.length);
  element.width = bins.width;
  element.height = Math.round(tall * ratio);
  bins.lanes.forEach((lane, i) => {
    context.fillStyle = tokenColour(lane.name);
    const y = Math.round((MARKS + 1 + i * (LANE + GAP)) * ratio);
    const tallest = Math.round(LANE * ratio);
    const faint = lane.name === "turn" || lane.name === "agent" || lane.name === "other";
    for (let x = 0; x < bins.width; x++) {
      const cover = lane.cover[x]!;
      if (cover <= 0) continue;
      context.globalAlpha = faint ? 0.45 : Math.min(1, 0.45 + cover * 0.4);
      context.fillRect(x, y, 1, tallest);
    }
  });
  context.globalAlpha = 1;
  const tick = (columns: Uint8Array, token: string, y: number) => {
    context.fillStyle = tokenColour(token);
    for (let x = 0; x < bins.width; x++) if (columns[x] === 1) context.fillRect(x - ratio * 0.5, y, Math.max(2, ratio * 1.5), (MARKS - 1) * ratio);
  };
  tick(bins.findings, "loop", 0);
  tick(bins.errors, "error", (tall - MARKS + 1) * ratio);
  tick(bins.denials, "denied", (tall - MARKS + 1) * ratio);
  context.fillStyle = tokenColour("strong-line");
  for (const x of gaps) for (let y = 2; y < tall; y += 5) context.fillRect(x, y * ratio, ratio, 2 * ratio);
}
