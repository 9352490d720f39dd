// Kinds of acts that the waterfall can show or leave out.

import { isDenied, isError, type SpanTable } from "./span_table.ts";

export type Kind = "model" | "tool" | "mcp" | "agent" | "hook" | "other";
export const KINDS: readonly Kind[] = ["model", "tool", "mcp", "agent", "hook", "other"];
/** Not a kind: hides what is neither an error nor denied nor part of a finding. */
export const QUIET = "quiet";

function kindOf(operation: string): Kind | null {
  switch (operation) {
    // Turns and sessions give the others their place.
    case "session":
    case "turn":
      return null;
    case "model":
    case "embedding":
      return "model";
    case "tool":
    case "skill":
      return "tool";
    case "mcp":
    case "agent":
      return operation;
    case "hook":
    case "policy":
    case "guardrail":
      return "hook";
    default:
      return "other";
  }
}

/** Acts of each kind that `hidden` leaves, so that a filter says what it would hide. */
export function countKinds(table: SpanTable, hidden: Uint8Array): Map<Kind, number> {
  const kinds = table.operations.map(kindOf);
  const counts = new Map<Kind, number>();
  for (let row = 0; row < table.count; row++) {
    const kind = kinds[table.operation[row]!];
    if (hidden[row] === 0 && kind != null) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** `mask` and the rows of the kinds in `left`, or `mask` itself when that is none. */
export function hideKinds(table: SpanTable, mask: Uint8Array, left: ReadonlySet<string>, concerned: ReadonlyMap<number, unknown>): Uint8Array {
  if (left.size === 0) return mask;
  const kinds = table.operations.map(kindOf);
  const hidden = mask.slice();
  const quiet = left.has(QUIET);
  for (let row = 0; row < table.count; row++) {
    const kind = kinds[table.operation[row]!];
    if (kind == null) continue;
    if (left.has(kind) || (quiet && !isError(table, row) && !isDenied(table, row) && !concerned.has(row))) hidden[row] = 1;
  }
  return hidden;
}
