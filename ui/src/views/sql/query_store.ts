// Queries that were saved and queries that were run, kept in this browser.

import { stored } from "../../state/stored.ts";

export interface SavedQuery {
  name: string;
  sql: string;
}

export interface PastQuery {
  sql: string;
  /** When it last ran, Unix ms. */
  at: number;
  /** Rows of its last result; null when it failed. */
  rows: number | null;
}

const MOST_PAST = 100;
const savedText = stored<string>("sql.saved", "[]");
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

export const saved = () => readList<SavedQuery>(savedText.value, (item) => typeof item["name"] === "string" && typeof item["sql"] === "string");
export const past = () => readList<PastQuery>(pastText.value, (item) => typeof item["sql"] === "string" && typeof item["at"] === "number");

/** Saves under a name; the same name takes the place of what it stood for. */
export function save(name: string, sql: string): void {
  savedText.value = JSON.stringify([...saved().filter((query) => query.name !== name), { name, sql }].sort((a, b) => a.name.localeCompare(b.name)));
}

export function forget(name: string): void {
  savedText.value = JSON.stringify(saved().filter((query) => query.name !== name));
}

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
