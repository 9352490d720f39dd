// Saved queries, which the server keeps, and queries that were run, which this browser keeps.

import { signal } from "@preact/signals";
import { toApiError, type ApiError } from "../../api/client.ts";
import { listQueries, type ListedQuery, type Parameter } from "../../api/queries.ts";
import type { Json } from "../../api/types.ts";
import { stored } from "../../state/stored.ts";

export interface PastQuery {
  sql: string;
  /** When it last ran, Unix ms. */
  at: number;
  /** Rows of its last result; null when it failed. */
  rows: number | null;
}

/** Null until they have been read. */
export const queries = signal<readonly ListedQuery[] | null>(null);
export const queriesFailure = signal<ApiError | null>(null);

export async function loadQueries(): Promise<void> {
  try {
    queries.value = await listQueries();
    queriesFailure.value = null;
  } catch (cause) {
    queriesFailure.value = toApiError(cause);
  }
}

/** The name that a title is saved under: "Slow tools!" is slow-tools. */
export function nameOf(title: string): string {
  return title.trim().toLowerCase().replace(/[^a-z0-9_]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 64);
}

/** Names that stand as `$name` in SQL, outside of texts, quoted names and comments, each once. */
export function namedIn(sql: string): string[] {
  const bare = sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\//g, " ");
  return [...new Set([...bare.matchAll(/\$([a-z_][a-z0-9_]*)/g)].map((match) => match[1]!))];
}

/** The parameters of SQL: those that are known keep what they are, the others are texts that have to be given. */
export function parametersOf(sql: string, known: readonly Parameter[]): Parameter[] {
  return namedIn(sql).map((name) => known.find((one) => one.name === name) ?? { name, type: "text", default: null, required: true, description: "" });
}

/** What somebody typed for a parameter, as the API takes it; undefined leaves it at its default. */
export function valueOf(parameter: Parameter, text: string): Json | undefined {
  const typed = text.trim();
  if (typed === "") return undefined;
  if (parameter.type === "boolean") return typed === "true";
  if (parameter.type === "integer" || parameter.type === "number") return Number.isFinite(Number(typed)) ? Number(typed) : typed;
  return text;
}

/** The values of parameters by name, of what was typed for them. */
export function valuesFor(parameters: readonly Parameter[], typed: Readonly<Record<string, string>>): Record<string, Json> {
  const values: Record<string, Json> = {};
  for (const one of parameters) {
    const value = valueOf(one, typed[one.name] ?? "");
    if (value !== undefined) values[one.name] = value;
  }
  return values;
}

const MOST_PAST = 100;
const pastText = stored<string>("sql.history", "[]");

/** A stored list; what is not of the right form is left out. */
export function readList<T>(text: string, fits: (item: Record<string, unknown>) => boolean): T[] {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.filter((item): item is T => typeof item === "object" && item !== null && fits(item as Record<string, unknown>)) : [];
  } catch {
    return [];
  }
}

export const past = () => readList<PastQuery>(pastText.value, (item) => typeof item["sql"] === "string" && typeof item["at"] === "number");

/** Puts a query on top of the history; the same text stands there once. */
export function withPast(list: readonly PastQuery[], query: PastQuery): PastQuery[] {
  return [query, ...list.filter((other) => other.sql.trim() !== query.sql.trim())].slice(0, MOST_PAST);
}

export function remember(sql: string, rows: number | null): void {
  pastText.value = JSON.stringify(withPast(past(), { sql, at: Date.now(), rows }));
}

export function clearPast(): void {
  pastText.value = "[]";
}
