// JSON as text, without changing a digit of it: numbers beyond 2^53 are shown as they were sent.

import type { Json } from "../api/types.ts";

type Reviver = (this: unknown, key: string, value: unknown, context?: { source?: string }) => unknown;

/** JSON.parse that keeps integers a double cannot hold as bigint. */
export function parseLossless(text: string): Json {
  const revive: Reviver = (_key, value, context) => {
    if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
    const source = context?.source;
    return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
  };
  return JSON.parse(text, revive as Parameters<typeof JSON.parse>[1]) as Json;
}

/** Re-indents JSON text by its tokens alone. Returns null when the text is not a JSON object or array. */
export function indentJson(text: string): string | null {
  const first = text.search(/\S/);
  if (first === -1 || (text[first] !== "{" && text[first] !== "[")) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const out: string[] = [];
  let depth = 0;
  let i = first;
  const newline = () => out.push("\n", "  ".repeat(depth));
  while (i < text.length) {
    const c = text[i]!;
    if (c === '"') {
      let end = i + 1;
      while (text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
      out.push(text.slice(i, end + 1));
      i = end + 1;
    } else if (c === "{" || c === "[") {
      const close = c === "{" ? "}" : "]";
      let next = i + 1;
      while (/\s/.test(text[next] ?? "")) next++;
      if (text[next] === close) {
        out.push(c, close);
        i = next + 1;
      } else {
        out.push(c);
        depth++;
        newline();
        i++;
      }
    } else if (c === "}" || c === "]") {
      depth--;
      newline();
      out.push(c);
      i++;
    } else if (c === ",") {
      out.push(c);
      newline();
      i++;
    } else if (c === ":") {
      out.push(": ");
      i++;
    } else if (c === " " || c === "\n" || c === "\t" || c === "\r") i++;
    else {
      let end = i;
      while (end < text.length && !/[\s,\]}]/.test(text[end]!)) end++;
      out.push(text.slice(i, end));
      i = end;
    }
  }
  return out.join("");
}

export function stringify(value: Json, indent = ""): string {
  if (typeof value === "bigint") return String(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((item) => deeper + stringify(item, deeper)).join(",\n")}\n${indent}]`;
  }
  const keys = Object.keys(value);
  if (keys.length === 0) return "{}";
  return `{\n${keys.map((key) => `${deeper}${JSON.stringify(key)}: ${stringify(value[key]!, deeper)}`).join(",\n")}\n${indent}}`;
}

/** Objects as "key: value" lines with strings as the person wrote them, real line breaks and all. */
export function plainText(value: Json, indent = ""): string {
  if (typeof value === "string") return value.includes("\n") && indent !== "" ? `\n${value.replace(/^/gm, indent)}` : value;
  if (value === null || typeof value !== "object") return String(value);
  const entries: [string, Json][] = Array.isArray(value) ? value.map((item) => ["-", item]) : Object.entries(value);
  if (entries.length === 0) return Array.isArray(value) ? "[]" : "{}";
  const deeper = `${indent}  `;
  return entries
    .map(([key, item]) => {
      const label = key === "-" ? "-" : `${key}:`;
      const nested = item !== null && typeof item === "object" && Object.keys(item).length > 0;
      return `${indent}${label}${nested ? "\n" : " "}${plainText(item, deeper)}`;
    })
    .join("\n");
}

export type Form = "plain" | "json" | "raw";

export interface Forms {
  plain: string | null;
  json: string | null;
  preferred: Form;
}

const LARGEST_PARSED = 8_000_000;

function hasLines(value: Json): boolean {
  if (typeof value === "string") return value.includes("\n");
  if (value === null || typeof value !== "object") return false;
  return (Array.isArray(value) ? value : Object.values(value)).some(hasLines);
}

/**
 * The ways to read a payload. Objects of scalars, and values that hold text of several lines, read
 * best as plain lines; other nested values as indented JSON; a JSON string as what it says.
 */
export function formsOf(text: string): Forms {
  const none: Forms = { plain: null, json: null, preferred: "raw" };
  if (text.length > LARGEST_PARSED) return none;
  if (/^\s*"/.test(text)) {
    try {
      const said: unknown = JSON.parse(text);
      return typeof said === "string" ? { plain: said, json: text, preferred: "plain" } : none;
    } catch {
      return none;
    }
  }
  const json = indentJson(text);
  if (json === null) return none;
  const value = parseLossless(text);
  const flat = (item: Json) => item === null || typeof item !== "object";
  const simple = !Array.isArray(value) && value !== null && typeof value === "object" && Object.values(value).every(flat);
  return { plain: plainText(value), json, preferred: simple || hasLines(value) ? "plain" : "json" };
}
