// The edits that a tool call asks for, read from its arguments. Shapes, not tools: whatever carries an
// old and a new text, a patch, or a whole file is an edit.

import type { Json } from "../api/types.ts";
import { diffLines, type DiffLine } from "./diff.ts";

export interface FileEdit {
  path: string;
  kind: "edit" | "write" | "delete" | "move";
  lines: DiffLine[];
}

type Fields = { [key: string]: Json };

const PATHS = ["file_path", "filePath", "absolute_path", "path", "notebook_path", "filename", "file", "target_file", "relative_path"];
const OLD = ["old_string", "oldString", "old_str", "oldText", "old_text", "search", "old_source"];
const NEW = ["new_string", "newString", "new_str", "newText", "new_text", "replace", "new_source"];
const WHOLE = ["content", "file_text", "contents", "code", "text"];
const PATCHES = ["patch", "patchText", "patch_text", "input", "diff", "command", "cmd"];

function isFields(value: Json | undefined): value is Fields {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function text(fields: Fields, names: string[]): string | null {
  for (const name of names) if (typeof fields[name] === "string") return fields[name];
  return null;
}

/** Edits of one call; empty when its arguments hold none. `tool` is the tool's name. */
export function editsOf(argumentText: string, tool: string): FileEdit[] {
  let value: Json;
  try {
    value = JSON.parse(argumentText) as Json;
  } catch {
    return patchIn(argumentText);
  }
  if (typeof value === "string") return patchIn(value);
  return isFields(value) ? ofFields(value, tool) : [];
}

function ofFields(fields: Fields, tool: string): FileEdit[] {
  const path = text(fields, PATHS) ?? "";
  const [before, after] = [text(fields, OLD), text(fields, NEW)];
  if (before !== null && after !== null) return [{ path, kind: "edit", lines: unplaced(diffLines(before, after)) }];
  const several = fields["edits"] ?? fields["changes"];
  if (Array.isArray(several)) {
    return several.filter(isFields).flatMap((one) => {
      const [from, to] = [text(one, OLD), text(one, NEW)];
      return from === null || to === null ? [] : [{ path: text(one, PATHS) ?? path, kind: "edit" as const, lines: unplaced(diffLines(from, to)) }];
    });
  }
  for (const name of PATCHES) {
    const patch = fields[name];
    const whole = Array.isArray(patch) && patch.every((item) => typeof item === "string") ? patch.join("\n") : patch;
    if (typeof whole !== "string") continue;
    const edits = patchIn(whole);
    if (edits.length > 0) return edits;
  }
  const content = text(fields, WHOLE);
  if (path !== "" && content !== null && /write|create|edit|save|insert|notebook/i.test(`${tool} ${typeof fields["command"] === "string" ? fields["command"] : ""}`)) {
    return [{ path, kind: "write", lines: diffLines("", content) }];
  }
  // Some emitters wrap the arguments in the call.
  for (const name of ["args", "arguments", "input", "parameters"]) if (isFields(fields[name])) return ofFields(fields[name], tool);
  return [];
}

/** A fragment's place in its file is unknown, so its lines carry no numbers. */
function unplaced(lines: DiffLine[]): DiffLine[] {
  return lines.map((line) => ({ ...line, before: null, after: null }));
}

function patchIn(patch: string): FileEdit[] {
  if (patch.includes("*** Begin Patch")) return envelope(patch);
  if (/^(---|diff --git) /m.test(patch) && /^@@ /m.test(patch)) return unified(patch);
  return [];
}

const MARKS: Record<string, DiffLine["kind"]> = { "+": "added", "-": "removed", " ": "same" };

/** The patch language of `apply_patch`. */
function envelope(patch: string): FileEdit[] {
  const edits: FileEdit[] = [];
  let current: FileEdit | null = null;
  let inside = false;
  for (const line of patch.split("\n")) {
    if (line.startsWith("*** Begin Patch")) inside = true;
    else if (line.startsWith("*** End Patch")) inside = false;
    if (!inside) continue;
    const head = /^\*\*\* (Add|Update|Delete) File: (.*)$/.exec(line);
    const move = /^\*\*\* Move to: (.*)$/.exec(line);
    if (head !== null) {
      current = { path: head[2]!.trim(), kind: head[1] === "Add" ? "write" : head[1] === "Delete" ? "delete" : "edit", lines: [] };
      edits.push(current);
    } else if (current === null) continue;
    else if (move !== null) {
      current.kind = "move";
      current.path = `${current.path} → ${move[1]!.trim()}`;
    } else if (line.startsWith("@@")) {
      if (current.lines.length > 0 || line.length > 2) current.lines.push({ kind: "gap", text: line.slice(2).trim(), before: null, after: null });
    } else {
      const kind = MARKS[line[0] ?? " "];
      if (kind !== undefined && !line.startsWith("*** ")) current.lines.push({ kind, text: line.slice(1), before: null, after: null });
    }
  }
  return edits;
}

function unified(patch: string): FileEdit[] {
  const edits: FileEdit[] = [];
  let current: FileEdit | null = null;
  let [before, after] = [0, 0];
  const bare = (name: string) => name.replace(/\t.*$/, "").replace(/^[ab]\//, "").trim();
  let from = "";
  for (const line of patch.split("\n")) {
    if (line.startsWith("--- ")) from = bare(line.slice(4));
    else if (line.startsWith("+++ ")) {
      const to = bare(line.slice(4));
      current = { path: to === "/dev/null" ? from : to, kind: to === "/dev/null" ? "delete" : from === "/dev/null" ? "write" : "edit", lines: [] };
      edits.push(current);
    } else if (current !== null && line.startsWith("@@")) {
      const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)$/.exec(line);
      if (current.lines.length > 0) current.lines.push({ kind: "gap", text: hunk?.[3]?.trim() ?? "", before: null, after: null });
      [before, after] = hunk === null ? [0, 0] : [Number(hunk[1]), Number(hunk[2])];
    } else if (current !== null && !line.startsWith("diff --git") && !line.startsWith("\\")) {
      const kind = MARKS[line[0] ?? ""];
      if (kind === undefined) continue;
      current.lines.push({ kind, text: line.slice(1), before: kind === "added" ? null : before++, after: kind === "removed" ? null : after++ });
    }
  }
  return edits;
}

/** How many lines an edit adds and removes. */
export function countChanges(edit: FileEdit): { added: number; removed: number } {
  let [added, removed] = [0, 0];
  for (const { kind } of edit.lines) {
    if (kind === "added") added++;
    else if (kind === "removed") removed++;
  }
  return { added, removed };
}
