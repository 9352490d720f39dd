// What a row says: a name and one muted line.

import { t } from "./strings.ts";
import { formatCount } from "./format.ts";
import { FLAG, stringAt, type SpanTable } from "./span_table.ts";
import type { Folds } from "./flatten.ts";
import { oneLine } from "./payload_text.ts";

const DECISIONS: Record<number, string> = { 1: "allowed", 2: "denied", 3: "asked" };

export interface RowLabel {
  name: string;
  detail: string;
  /** The part of a group's muted line in which its members differ, and what comes after it. */
  varying: string;
  after: string;
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
      return { name: number > 0 ? t("turn {0}", number) : name || t("turn"), detail: prompt };
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
      return { name: (table.flags[row]! & FLAG.subagentRoot) !== 0 && !/agent/i.test(agent) ? t("subagent {0}", agent) : agent, detail: withoutName(detail, agent) };
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
  return { name: oneLine(name) || "unnamed", detail: oneLine(detail), varying: "", after: "" };
}

/** How many characters of text around a difference are worth a look; more is cut in the middle. */
const LONGEST_VARYING = 40;

/** The label of a closed group: what its members share is said once, what differs as first … last. */
export function groupLabel(table: SpanTable, folds: Folds, leader: number, prompts: ReadonlyMap<number, string>): RowLabel {
  const label = labelOf(table, leader, prompts);
  const members = folds.members.get(leader);
  if (members === undefined) return label;
  const lastName = labelOf(table, members[members.length - 1]!, prompts).name;
  if (lastName !== label.name) {
    const { head, varying, tail } = apart(label.name, lastName, shared(label.name, lastName, 1), shared(label.name, lastName, -1));
    label.name = `${head}${varying}${tail}`;
  }
  let prefix = label.detail.length;
  let suffix = label.detail.length;
  let last = label.detail;
  let seen = table.detail[leader]!;
  for (const row of members) {
    if (table.detail[row] === seen && table.detail[row] !== -1) continue;
    seen = table.detail[row]!;
    last = labelOf(table, row, prompts).detail;
    prefix = Math.min(prefix, shared(label.detail, last, 1));
    suffix = Math.min(suffix, shared(label.detail, last, -1));
  }
  if (last === label.detail && prefix === label.detail.length) return label;
  const { head, varying, tail } = apart(label.detail, last, prefix, suffix);
  return { ...label, detail: head, varying, after: tail };
}

/** Two texts as what they share at both ends and what differs; a word or number is not cut in two. */
function apart(first: string, last: string, prefix: number, suffix: number): { head: string; varying: string; tail: string } {
  while (prefix > 0 && /\w/.test(first[prefix - 1]!) && /\w/.test(first[prefix] ?? last[prefix] ?? "")) prefix--;
  suffix = Math.min(suffix, first.length - prefix, last.length - prefix);
  while (suffix > 0 && /\w/.test(first[first.length - suffix]!) && /\w/.test(first[first.length - suffix - 1] ?? "")) suffix--;
  const part = (text: string) => short(text.slice(prefix, text.length - suffix));
  return { head: first.slice(0, prefix), varying: `${part(first)} … ${part(last)}`, tail: suffix > 0 ? first.slice(-suffix) : "" };
}

function short(text: string): string {
  return text.length <= LONGEST_VARYING ? text : `${text.slice(0, LONGEST_VARYING - 1)}…`;
}

/** Characters that two texts have in common at the start (1) or the end (-1). */
function shared(a: string, b: string, side: 1 | -1): number {
  const most = Math.min(a.length, b.length);
  let n = 0;
  while (n < most && (side === 1 ? a[n] === b[n] : a[a.length - 1 - n] === b[b.length - 1 - n])) n++;
  return n;
}
