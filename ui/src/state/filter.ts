// The language of the filter bar: words, `field:value`, `field>number`. One text is typed, kept in
// the address, and turned into what the API takes. No DOM, so that it can be tested as it is.

import type { SessionRow } from "../api/types.ts";
import { t } from "../strings.ts";

export interface Field {
  name: string;
  about: string;
  /** What may stand after the name. */
  kind: "value" | "amount" | "day";
  /** Values offered before the server is asked. */
  examples?: readonly string[];
}

export const FIELDS: readonly Field[] = [
  { name: "harness", about: t("program that runs the agent"), kind: "value" },
  { name: "agent", about: t("agent or subagent that acted"), kind: "value" },
  { name: "project", about: t("folder or repository"), kind: "value" },
  { name: "host", about: t("machine"), kind: "value" },
  { name: "model", about: t("model used"), kind: "value" },
  { name: "tool", about: t("tool called"), kind: "value" },
  { name: "mcp", about: t("MCP server used"), kind: "value" },
  { name: "status", about: t("how it ended"), kind: "value", examples: ["running", "ok", "error", "interrupted", "killed"] },
  { name: "finding", about: t("kind of finding"), kind: "value", examples: ["any"] },
  { name: "tag", about: t("tag"), kind: "value" },
  { name: "cost", about: t("US dollars: cost>0.5"), kind: "amount", examples: [">0.1", ">1", ">10"] },
  { name: "duration", about: t("duration>5m, duration<30s"), kind: "amount", examples: [">1m", ">10m", ">1h"] },
  { name: "day", about: t("started on that day"), kind: "day" },
  { name: "from", about: t("started on or after a day, or within 24h, 7d, 30d"), kind: "day", examples: ["24h", "7d", "30d"] },
  { name: "until", about: t("started on or before a day"), kind: "day" },
];

export interface Term {
  /** Null for a plain word. */
  field: string | null;
  sign: ":" | ">" | "<";
  value: string;
  /** Place in the text. */
  from: number;
  to: number;
}

const TERM = /(?:([a-z]+)([:<>]))?(?:"([^"]*)"?|(\S*))/y;

/** The terms of a filter text in order. An unknown field makes a plain word: `http://x` is text. */
export function parseFilter(text: string): Term[] {
  const terms: Term[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      at++;
      continue;
    }
    TERM.lastIndex = at;
    const match = TERM.exec(text)!;
    const to = at + match[0].length;
    const field = match[1];
    const sign = (match[2] ?? ":") as Term["sign"];
    if (field !== undefined && FIELDS.some((known) => known.name === field)) terms.push({ field, sign, value: match[3] ?? match[4] ?? "", from: at, to });
    else terms.push({ field: null, sign: ":", value: field === undefined ? (match[3] ?? match[4] ?? match[0]) : match[0], from: at, to });
    at = to;
  }
  return terms;
}

export function writeTerm(field: string, sign: string, value: string): string {
  return `${field}${sign}${/[\s"]/.test(value) || value === "" ? `"${value.replaceAll('"', "")}"` : value}`;
}

/** Adds a term, or takes it away when it is there. */
export function toggleTerm(text: string, field: string, value: string): string {
  const found = parseFilter(text).find((term) => term.field === field && term.value.toLowerCase() === value.toLowerCase());
  if (found === undefined) return `${text.trim()} ${writeTerm(field, ":", value)}`.trim();
  return `${text.slice(0, found.from).trimEnd()} ${text.slice(found.to).trimStart()}`.trim();
}

/** Puts one term in the place of all terms of some fields; null only takes them away. */
export function replaceTerms(text: string, fields: readonly string[], term: string | null): string {
  const kept = parseFilter(text).filter((other) => other.field === null || !fields.includes(other.field)).map((other) => text.slice(other.from, other.to));
  if (term !== null) kept.push(term);
  return kept.join(" ");
}

const UNITS: Record<string, number> = { ms: 1e6, s: 1e9, m: 60e9, min: 60e9, h: 3600e9, d: 86_400e9 };

/** `90s`, `5m`, `1.5h`, or a bare number of seconds, in nanoseconds. */
export function readDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)?$/.exec(text.trim());
  return match === null ? null : Math.round(Number(match[1]) * UNITS[match[2] ?? "s"]!);
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** What makes a term impossible to apply, in words; null when it is fine or still being typed. */
export function termProblem(term: Term): string | null {
  const field = FIELDS.find((known) => known.name === term.field);
  if (field === undefined || term.value === "") return null;
  if (field.name === "cost" && !/^\d*\.?\d+$/.test(term.value)) return t("cost takes a number: cost>0.5");
  if (field.name === "duration" && readDuration(term.value) === null) return t("duration takes a time: duration>5m");
  if (field.kind === "day" && !DAY.test(term.value) && !(field.name === "from" && readDuration(term.value) !== null)) return t("{0} takes a day: {1}:2026-11-21", field.name, field.name);
  return null;
}

export type Bounds = { dayStart: (day: string, days?: number) => number; now: number };

/** The query of the API for a filter text. `bounds` knows where days begin. */
export function toParams(text: string, bounds: Bounds): URLSearchParams {
  const params = new URLSearchParams();
  const words: string[] = [];
  for (const term of parseFilter(text)) {
    const { field, value } = term;
    if (field === null) words.push(value);
    else if (value === "" || termProblem(term) !== null) continue;
    else if (field === "cost") params.set(term.sign === "<" ? "max_cost_usd" : "min_cost_usd", String(Number(value)));
    else if (field === "duration") params.set(term.sign === "<" ? "max_duration_ns" : "min_duration_ns", String(readDuration(value)));
    else if (field === "day") {
      params.set("from_ns", `${bounds.dayStart(value)}000000`);
      params.set("until_ns", `${bounds.dayStart(value, 1)}000000`);
    } else if (field === "from") params.set("from_ns", `${DAY.test(value) ? bounds.dayStart(value) : Math.round(bounds.now - readDuration(value)! / 1e6)}000000`);
    else if (field === "until") params.set("until_ns", `${bounds.dayStart(value, 1)}000000`);
    else params.append(field, value);
  }
  if (words.length > 0) params.set("q", words.join(" "));
  return params;
}

/** Whether a row passes a filter, as far as the row itself can tell; null when only the server can. */
export function rowPasses(row: SessionRow, text: string, bounds: Bounds): boolean | null {
  const params = toParams(text, bounds);
  const has = (name: string, values: readonly (string | null)[]) => {
    const wanted = params.getAll(name).map((value) => value.toLowerCase());
    return wanted.length === 0 || values.some((value) => value !== null && wanted.includes(value.toLowerCase()));
  };
  const number = (name: string) => (params.has(name) ? Number(params.get(name)) : null);
  const within = (value: number | null, least: string, most: string) => {
    const [low, high] = [number(least), number(most)];
    return (low === null || (value !== null && value >= low)) && (high === null || (value !== null && value <= high));
  };
  const started = Date.parse(row.started_at) * 1e6;
  const needle = params.get("q")?.toLowerCase() ?? "";
  const hay = [row.title, row.session_id, row.harness, row.host, row.project, ...row.models, ...row.tools, ...row.tags].filter(Boolean).join(" ").toLowerCase();
  const certain = hay.includes(needle) && has("status", [row.status]) && has("harness", [row.harness]) && has("host", [row.host]) && has("project", [row.project])
    && has("model", row.models) && has("tool", row.tools) && has("tag", row.tags) && has("finding", [...row.finding_kinds, row.finding_kinds.length > 0 ? "any" : null])
    && within(row.cost_usd, "min_cost_usd", "max_cost_usd") && within(row.duration_ns, "min_duration_ns", "max_duration_ns")
    && (number("from_ns") === null || started >= number("from_ns")!) && (number("until_ns") === null || started < number("until_ns")!);
  if (!certain) return false;
  return params.has("agent") || params.has("mcp") ? null : true;
}

export interface Suggestion {
  /** The term (or its beginning) that takes the place of the one being typed. */
  text: string;
  label: string;
  about: string;
  /** Whether more is to be typed after it. */
  open: boolean;
}

export type Values = Readonly<Record<string, readonly { value: string; session_count: number }[]>>;

/** The term that the caret stands in or behind, and what could become of it. */
export function suggest(text: string, caret: number, values: Values): { from: number; to: number; list: Suggestion[] } {
  const term = parseFilter(text).find((other) => other.from < caret && caret <= other.to) ?? null;
  const from = term?.from ?? caret;
  const to = term?.to ?? caret;
  const field = term?.field == null ? null : (FIELDS.find((known) => known.name === term.field) ?? null);
  const list: Suggestion[] = [];
  const of = (name: string, needle: string, most: number) => {
    for (const { value, session_count } of values[name] ?? []) {
      if (!value.toLowerCase().includes(needle) || list.length >= most) continue;
      list.push({ text: writeTerm(name, ":", value), label: `${name}:${value}`, about: String(session_count), open: false });
    }
  };
  if (field !== null) {
    const needle = term!.value.toLowerCase();
    if (field.kind === "value") of(field.name, needle, 40);
    const known = new Set(list.map((item) => item.text));
    for (const example of field.examples ?? []) {
      const made = /^[<>]/.test(example) ? `${field.name}${example}` : writeTerm(field.name, ":", example);
      if (!known.has(made) && made.includes(needle)) list.push({ text: made, label: made, about: "", open: false });
    }
    return { from, to, list };
  }
  const needle = text.slice(from, caret).toLowerCase().replaceAll('"', "");
  for (const known of FIELDS) {
    if (known.name.startsWith(needle)) list.push({ text: known.name + (known.kind === "amount" ? ">" : ":"), label: known.name, about: known.about, open: true });
  }
  if (needle !== "") for (const known of FIELDS) if (known.kind === "value") of(known.name, needle, list.length + 4);
  return { from, to, list: list.slice(0, 40) };
}
