// Builds tree answers for tests.

import type { TreeResponse } from "../api/types.ts";

export const OPERATIONS = [
  "session", "turn", "agent", "model", "tool", "mcp", "hook", "policy", "skill", "memory", "retrieval", "embedding", "guardrail", "evaluation", "internal",
];

export interface TestSpan {
  id: string;
  parent?: number;
  start?: number;
  duration?: number;
  op?: string;
  name?: string;
  detail?: string;
  status?: number;
  flags?: number;
  turn?: number;
  tool?: string;
  hash?: string;
}

export function makeTree(spans: TestSpan[]): TreeResponse {
  const strings: string[] = [];
  const known = new Map<string, number>();
  const intern = (text: string | undefined) => {
    if (text === undefined) return -1;
    let index = known.get(text);
    if (index === undefined) {
      index = strings.push(text) - 1;
      known.set(text, index);
    }
    return index;
  };
  const column = <T>(pick: (span: TestSpan) => T) => spans.map(pick);
  return {
    session_id: "s",
    started_at: "2026-11-21T01:06:41.683000000Z",
    duration_ns: 0,
    span_count: spans.length,
    operations: OPERATIONS,
    strings,
    traces: ["t0"],
    columns: {
      trace: column(() => 0),
      span_id: column((s) => s.id),
      parent: column((s) => s.parent ?? -1),
      start_ns: column((s) => s.start ?? 0),
      duration_ns: column((s) => s.duration ?? 1),
      operation: column((s) => OPERATIONS.indexOf(s.op ?? "tool")),
      name_s: column((s) => intern(s.name ?? s.op ?? "tool")),
      detail_s: column((s) => intern(s.detail)),
      status: column((s) => s.status ?? 0),
      flags: column((s) => s.flags ?? 0),
      turn: column((s) => s.turn ?? 0),
      agent_s: column(() => -1),
      model_s: column(() => -1),
      tool_s: column((s) => intern(s.tool)),
      mcp_server_s: column(() => -1),
      decision: column(() => 0),
      session_s: column(() => intern("s")),
      input_tokens: column(() => -1),
      output_tokens: column(() => -1),
      cost_usd: column(() => null),
      call_hash_s: column((s) => intern(s.hash)),
    },
    findings: [],
  };
}
