// Density of acts per pixel column, one lane per kind of act.

import { toAxis, type Axis } from "./axis.ts";
import { isDenied, isError, type SpanTable } from "./span_table.ts";

export type LaneName = "turn" | "agent" | "model" | "tool" | "mcp" | "hook" | "other";
export const LANES: readonly LaneName[] = ["turn", "agent", "model", "tool", "mcp", "hook", "other"];

export interface MinimapBins {
  width: number;
  lanes: { name: LaneName; cover: Float32Array }[];
  /** Columns that hold an error, a denial or a finding: 1 where they do. */
  errors: Uint8Array;
  denials: Uint8Array;
  findings: Uint8Array;
}

function laneOf(operation: string): LaneName {
  switch (operation) {
    case "turn":
    case "agent":
    case "model":
    case "tool":
    case "mcp":
    case "hook":
      return operation;
    case "embedding":
      return "model";
    case "skill":
      return "tool";
    case "policy":
    case "guardrail":
      return "hook";
    case "session":
      return "turn";
    default:
      return "other";
  }
}

/**
 * Share of each column that acts of a lane cover (above 1 where they run side by side). A bar
 * thinner than a column still adds a visible minimum, so that nothing vanishes.
 */
export function binMinimap(table: SpanTable, axis: Axis, hidden: Uint8Array, findingRows: Iterable<number>, width: number): MinimapBins {
  const laneIndex = table.operations.map((operation) => LANES.indexOf(laneOf(operation)));
  const session = table.operations.indexOf("session");
  const cover = LANES.map(() => new Float32Array(width));
  const step = LANES.map(() => new Float32Array(width + 1));
  const used = new Uint8Array(LANES.length);
  const errors = new Uint8Array(width);
  const denials = new Uint8Array(width);
  const findings = new Uint8Array(width);
  const scale = width / axis.total;
  const column = (x: number) => Math.min(width - 1, Math.max(0, Math.floor(x)));
  for (let row = 0; row < table.count; row++) {
    if (hidden[row] === 1 || table.operation[row] === session) continue;
    const lane = laneIndex[table.operation[row]!] ?? LANES.length - 1;
    const from = toAxis(axis, table.start[row]!) * scale;
    const to = Math.max(from, toAxis(axis, table.end[row]!) * scale);
    const first = column(from);
    const last = column(to);
    used[lane] = 1;
    const density = cover[lane]!;
    if (first === last) density[first]! += Math.max(0.15, to - from);
    else {
      density[first]! += first + 1 - from;
      density[last]! += to - last;
      // Full columns between are a difference array: long bars cost two writes.
      step[lane]![first + 1]! += 1;
      step[lane]![last]! -= 1;
    }
    if (isError(table, row)) errors[first] = 1;
    if (isDenied(table, row)) denials[first] = 1;
  }
  for (const row of findingRows) {
    if (row < 0 || row >= table.count) continue;
    findings[column(toAxis(axis, table.start[row]!) * scale)] = 1;
  }
  const lanes: MinimapBins["lanes"] = [];
  for (let lane = 0; lane < LANES.length; lane++) {
    if (used[lane] === 0) continue;
    let running = 0;
    for (let x = 0; x < width; x++) {
      running += step[lane]![x]!;
      cover[lane]![x]! += running;
    }
    lanes.push({ name: LANES[lane]!, cover: cover[lane]! });
  }
  return { width, lanes, errors, denials, findings };
}
