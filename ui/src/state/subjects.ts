// What a dialog about sessions is about: the marked ones of the list, or the open one.

import { signal } from "@preact/signals";
import { changeTags, deleteSessions, toApiError, type ApiError } from "../api/client.ts";
import type { SessionRow } from "../api/types.ts";
import { t } from "../strings.ts";
import { plural } from "../trace/format.ts";
import { tell } from "./panels.ts";
import { reload, remove } from "./sessions.ts";

export type Task = "tag" | "export" | "delete";

export interface Subjects {
  task: Task;
  rows: readonly SessionRow[];
  /** What the page does when it is done. */
  done: () => void;
}

export const subjects = signal<Subjects | null>(null);

/** Opens a dialog; without sessions nothing happens. */
export function ask(task: Task, rows: readonly SessionRow[], done: () => void): void {
  if (rows.length > 0) subjects.value = { task, rows, done };
}

export interface TagUse {
  tag: string;
  /** Not every session has it. */
  partly: boolean;
}

/** The tags of some sessions in alphabetical order. */
export function tagsOf(rows: readonly SessionRow[]): TagUse[] {
  const uses = new Map<string, number>();
  for (const row of rows) for (const tag of row.tags) uses.set(tag, (uses.get(tag) ?? 0) + 1);
  return [...uses].map(([tag, count]) => ({ tag, partly: count < rows.length })).sort((a, b) => a.tag.localeCompare(b.tag));
}

/** Changes the tags of the subjects; the answer is what went wrong, if anything did. */
export async function retag(add: readonly string[], removed: readonly string[]): Promise<ApiError | null> {
  const current = subjects.peek();
  if (current === null) return null;
  try {
    const rows: SessionRow[] = [];
    for (const row of current.rows) rows.push({ ...row, tags: await changeTags(row.session_id, add, removed) });
    subjects.value = { ...current, rows };
    void reload();
    current.done();
    return null;
  } catch (cause) {
    return toApiError(cause);
  }
}

/** Deletes the subjects for good. */
export async function deleteSubjects(): Promise<ApiError | null> {
  const current = subjects.peek();
  if (current === null) return null;
  try {
    const { session_ids } = await deleteSessions(current.rows.map((row) => row.session_id));
    remove(session_ids);
    subjects.value = null;
    tell(t("{0} deleted", plural(session_ids.length, "session")));
    current.done();
    return null;
  } catch (cause) {
    return toApiError(cause);
  }
}
