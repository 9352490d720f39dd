// JSON as a tree that opens and closes. Only what is open is drawn, long lists a part at a time.

import { useState } from "preact/hooks";
import type { Json } from "../api/types.ts";
import { t } from "../strings.ts";
import { plural } from "../trace/format.ts";
import { visible } from "./text_view.tsx";

const STEP = 100;
const LONG = 400;

function isNested(value: Json): value is Json[] | { [key: string]: Json } {
  return value !== null && typeof value === "object";
}

function Scalar({ value }: { value: Exclude<Json, Json[] | { [key: string]: Json }> }) {
  const [open, toggle] = useState(false);
  if (typeof value !== "string") return <span class="j-scalar">{String(value)}</span>;
  const long = value.length > LONG;
  return (
    <span class="j-text">
      {visible(long && !open ? value.slice(0, LONG) : value, "j")}
      {long ? <button type="button" class="j-more" aria-expanded={open} onClick={() => toggle(!open)}>{open ? t("less") : t("… {0} more", value.length - LONG)}</button> : null}
    </span>
  );
}

function Node({ name, value, depth }: { name: string | null; value: Json; depth: number }) {
  const [open, toggle] = useState(depth < 2);
  const [most, setMost] = useState(STEP);
  const key = name === null ? null : <span class="j-key">{visible(name, "k")}</span>;
  if (!isNested(value)) return <div class="j-line">{key}<Scalar value={value} /></div>;
  const entries: [string, Json][] = Array.isArray(value) ? value.map((item, i) => [String(i), item]) : Object.entries(value);
  const summary = Array.isArray(value) ? plural(entries.length, "item") : plural(entries.length, "field");
  if (entries.length === 0) return <div class="j-line">{key}<span class="j-scalar">{Array.isArray(value) ? "[]" : "{}"}</span></div>;
  return (
    <div>
      <button type="button" class="j-line j-open" aria-expanded={open} onClick={() => toggle(!open)}>{key}<span class="muted">{summary}</span></button>
      {open ? (
        <div class="j-inner">
          {entries.slice(0, most).map(([inner, item]) => <Node key={inner} name={inner} value={item} depth={depth + 1} />)}
          {entries.length > most ? <button type="button" class="j-more" onClick={() => setMost(most + STEP * 10)}>{t("{0} more", entries.length - most)}</button> : null}
        </div>
      ) : null}
    </div>
  );
}

export function JsonTree({ value }: { value: Json }) {
  return <div class="j-tree"><Node name={null} value={value} depth={0} /></div>;
}
