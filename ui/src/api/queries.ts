// The API of saved queries: those that come with Spanreel, and the user's own.

import { json, send } from "./client.ts";
import { parseLossless } from "../trace/json_text.ts";
import type { Json, SqlResult } from "./types.ts";

export const PARAMETER_TYPES = ["text", "integer", "number", "boolean", "timestamp"] as const;
export type ParameterType = (typeof PARAMETER_TYPES)[number];

/** `$name` in the SQL. */
export interface Parameter {
  name: string;
  type: ParameterType;
  /** The value when none is given. */
  default: Json;
  required: boolean;
  description: string;
}

export interface SavedQuery {
  /** Lower-case letters, digits, `-` and `_`. */
  name: string;
  title: string;
  description: string;
  parameters: Parameter[];
  sql: string;
}

export interface ListedQuery extends SavedQuery {
  /** It comes with Spanreel and cannot be changed. */
  shipped: boolean;
}

const jsonInit = (method: string, body: unknown): RequestInit => ({ method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
const at = (name: string) => `/queries/${encodeURIComponent(name)}`;

export async function listQueries(): Promise<ListedQuery[]> {
  return (await json<{ queries: ListedQuery[] }>("/queries")).queries;
}

/** Saves a query; one of the user's that has the name is replaced when `replace` says so. */
export async function saveQuery(query: SavedQuery, replace: boolean): Promise<void> {
  await (replace ? send(at(query.name), jsonInit("PUT", query)) : send("/queries", jsonInit("POST", query)));
}

export async function removeQuery(name: string): Promise<void> {
  await send(at(name), { method: "DELETE" });
}

/** `params` by name; those that are left out have their defaults. */
export async function runQuery(name: string, params: Record<string, Json>, maxRows: number, signal: AbortSignal): Promise<SqlResult> {
  const response = await send(at(name), { ...jsonInit("POST", { params, max_rows: maxRows }), signal });
  return parseLossless(await response.text()) as unknown as SqlResult;
}
