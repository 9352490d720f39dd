// What a row says: a name and one muted line.

import { formatCount } from "./format.ts";
import { FLAG, stringAt, type SpanTable } from "./span_table.ts";
import type { Folds } from "./flatten.ts";
import { oneLine } from "./payload_text.ts";

const DECISIONS: Record<number, string> = { 1: "allowed", 2: "denied", 3: "asked" };

export interface RowLabel {
  name: string;
  detail: string;
  /** The muted line stands for several that differ. */
  varies: boolean;
}

export function operationOf(table: SpanTable, row: number): string {
  return table.operations[table.operation[row]!] ?? "internal";
}

function tokens(table: SpanTable, row: number): string {
  const input = table.inputTokens[row]!;
  const output = table.outputTokens[row]!;
  if (input < 0 && output < 0) return "";
  return `${input < 0 ? "?" : formatCount(input)}→${output < 0 ? "?" : formatCount(output)}`;
}

/** The part of the muted line that does not repeat the name. */
function withoutName(detail: string, name: string): string {
  if (name === "" || !detail.startsWith(name)) return detail;
  return detail.slice(name.length).replace(/^[\s·:,–-]+/, "");
}

function plainLabel(table: SpanTable, row: number, prompts: ReadonlyMap<number, string>): { name: string; detail: string } {
  const name = stringAt(table, table.name[row]!);
  const detail = stringAt(table, table.detail[row]!);
  switch (operationOf(table, row)) {
    case "turn": {
      const number = table.turn[row]!;
      // Prompts are known for the session itself; a child session numbers its turns anew.
      const own = table.sessionId === null || stringAt(table, table.session[row]!) === table.sessionId;
      const prompt = detail !== "" ? detail : own ? (prompts.get(number) ?? "") : "";
      return { name: number > 0 ? `turn ${number}` : name || "turn", detail: prompt };
    }
    case "model":
    case "embedding": {
      const model = stringAt(table, table.model[row]!) || name;
      return { name: model, detail: withoutName(detail, model) || tokens(table, row) };
    }
    case "tool":
    case "mcp":
    case "skill": {
      const tool = stringAt(table, table.tool[row]!) || name;
      const server = stringAt(table, table.mcpServer[row]!);
      const rest = withoutName(detail, tool);
      return { name: tool, detail: server !== "" && !rest.includes(server) ? `${server}${rest === "" ? "" : ` · ${rest}`}` : rest };
    }
    case "agent": {
      const agent = stringAt(table, table.agent[row]!) || name;
      return { name: (table.flags[row]! & FLAG.subagentRoot) !== 0 && !/agent/i.test(agent) ? `subagent ${agent}` : agent, detail: withoutName(detail, agent) };
    }
    case "policy": {
      const decision = DECISIONS[table.decision[row]!];
      if (decision === undefined) return detail === "" ? { name, detail } : { name: detail, detail: "" };
      const tool = stringAt(table, table.tool[row]!);
      return { name: decision, detail: [tool, withoutName(detail, tool)].filter((text) => text !== "").join(" · ") };
    }
    case "hook":
      // The name is the emitter's word for the record; what matters is which hook, and what it said.
      return detail === "" ? { name, detail } : { name: detail, detail: "" };
    default:
      return { name, detail: withoutName(detail, name) };
  }
}

export function labelOf(table: SpanTable, row: number, prompts: ReadonlyMap<number, string>): RowLabel {
  const { name, detail } = plainLabel(table, row, prompts);
  return { name: oneLine(name) || "unnamed", detail: oneLine(detail), varies: false };
}

/** The label of a closed group: equal details are said once, others as first … last. */
export function groupLabel(table: SpanTable, folds: Folds, leader: number, prompts: ReadonlyMap<number, string>): RowLabel {
  const label = labelOf(table, leader, prompts);
  const members = folds.members.get(leader);
  if (members === undefined) return label;
  const last = labelOf(table, members[members.length - 1]!, prompts);
  const differs = members.some((row) => table.detail[row] !== table.detail[leader]) || last.detail !== label.detail;
  return differs ? { name: label.name, detail: last.detail === "" || last.detail === label.detail ? `${label.detail} …` : `${label.detail} … ${last.detail}`, varies: true } : label;
}
