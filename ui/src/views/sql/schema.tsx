// Tables, views and macros; a click puts the name into the query.

import { useState } from "preact/hooks";
import type { SqlSchema } from "../../api/types.ts";
import { t } from "../../strings.ts";
import { Icon } from "../../widgets/icon.tsx";
import { Skeleton } from "../../widgets/states.tsx";

export function Schema({ schema, insert }: { schema: SqlSchema | null; insert: (text: string) => void }) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set(["sessions"]));
  const [filter, setFilter] = useState("");
  if (schema === null) return <Skeleton rows={10} label={t("Loading the schema")} />;
  const needle = filter.trim().toLowerCase();
  const toggle = (name: string) => {
    const next = new Set(open);
    if (!next.delete(name)) next.add(name);
    setOpen(next);
  };
  const relations = schema.relations.filter((relation) => needle === "" || relation.name.includes(needle) || relation.columns.some((column) => column.name.includes(needle)));
  return (
    <>
      <input type="search" placeholder={t("Filter tables and columns")} aria-label={t("Filter tables and columns")} value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
      <ul class="relations">
        {relations.map((relation) => {
          const shown = open.has(relation.name) || needle !== "";
          return (
            <li key={`${relation.kind} ${relation.name}`}>
              <div class="relation">
                <button type="button" class={`expander${shown ? " is-open" : ""}`} aria-expanded={shown} aria-label={t("Columns of {0}", relation.name)} onClick={() => toggle(relation.name)}><Icon name="chevron" size={10} /></button>
                <button type="button" class="mono name" title={relation.comment ?? relation.name} onClick={() => insert(relation.kind === "macro" ? `${relation.name}(` : relation.name)}>{relation.name}</button>
                {relation.kind === "table" ? null : <span class="tag">{relation.kind}</span>}
              </div>
              {shown ? (
                <ul class="columns">
                  {relation.comment === null ? null : <li class="comment">{relation.comment}</li>}
                  {relation.columns.filter((column) => needle === "" || relation.name.includes(needle) || column.name.includes(needle)).map((column) => (
                    <li key={column.name}>
                      <button type="button" class="mono name" title={column.comment ?? column.name} onClick={() => insert(column.name)}>{column.name}</button>
                      <span class="mono type">{column.type.toLowerCase()}</span>
                    </li>
                  ))}
                </ul>
              ) : null}
            </li>
          );
        })}
      </ul>
    </>
  );
}
