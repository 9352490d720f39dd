// Saved queries and the history: a click brings one back.

import { useEffect, useState } from "preact/hooks";
import { toApiError, type ApiError } from "../../api/client.ts";
import { removeQuery, type ListedQuery } from "../../api/queries.ts";
import { keyLabel } from "../../commands.ts";
import { t } from "../../strings.ts";
import { plural } from "../../trace/format.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { Icon } from "../../widgets/icon.tsx";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { Time } from "../../widgets/time.tsx";
import { clearPast, loadQueries, past, queries, queriesFailure } from "./query_store.ts";

function Item({ query, current, use, forget }: { query: ListedQuery; current: boolean; use: () => void; forget?: () => void }) {
  const title = oneLine(query.title || query.name);
  return (
    <li class={`query${current ? " is-current" : ""}`}>
      <button type="button" class="query-use" aria-current={current} title={query.sql} onClick={use}>
        <span class="clip">{title}</span>
        {query.description === "" ? null : <span class="note query-about">{oneLine(query.description)}</span>}
      </button>
      {forget === undefined ? null : <button type="button" class="quiet" aria-label={t("Delete {0}", title)} title={t("Delete")} onClick={forget}><Icon name="error" size={9} /></button>}
    </li>
  );
}

export function SavedQueries({ current, use }: { current: string | null; use: (query: ListedQuery) => void }) {
  const [filter, setFilter] = useState("");
  const [failed, setFailed] = useState<ApiError | null>(null);
  useEffect(() => void loadQueries(), []);
  if (queriesFailure.value !== null) return <Failure error={queriesFailure.value} what={t("The saved queries could not be read")} retry={() => void loadQueries()} />;
  if (queries.value === null) return <Skeleton rows={10} label={t("Loading the saved queries")} />;
  const needle = filter.trim().toLowerCase();
  const fitting = queries.value.filter((query) => `${query.title} ${query.name} ${query.description}`.toLowerCase().includes(needle));
  const own = fitting.filter((query) => !query.shipped);
  const forget = (name: string) => void removeQuery(name).then(loadQueries, (cause: unknown) => setFailed(toApiError(cause)));
  return (
    <>
      <input type="search" placeholder={t("Filter queries")} aria-label={t("Filter queries")} value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
      <div class="queries">
        {failed === null ? null : <p class="note tone-error" role="alert">{failed.message}</p>}
        <h2>{t("Yours")}</h2>
        {own.length === 0 ? <p class="note">{needle === "" ? t("None yet: {0} in the editor saves the query. {1} in it is a parameter.", keyLabel("Mod+s"), <code>$name</code>) : t("None fits.")}</p>
          : <ul>{own.map((query) => <Item key={query.name} query={query} current={query.name === current} use={() => use(query)} forget={() => forget(query.name)} />)}</ul>}
        <h2>{t("Shipped")}</h2>
        <ul>{fitting.filter((query) => query.shipped).map((query) => <Item key={query.name} query={query} current={query.name === current} use={() => use(query)} />)}</ul>
      </div>
    </>
  );
}

export function History({ use }: { use: (sql: string) => void }) {
  const list = past();
  if (list.length === 0) return <p class="note queries">{t("Queries that you run are kept here, in this browser.")}</p>;
  return (
    <div class="queries">
      <ul>
        {list.map((query) => (
          <li key={query.at} class="query">
            <button type="button" class="query-use" title={query.sql} onClick={() => use(query.sql)}>
              <code class="clip">{query.sql.replace(/\s+/g, " ").trim()}</code>
              <span class="note"><Time iso={new Date(query.at).toISOString()} /> · {query.rows === null ? <span class="tone-error">{t("failed")}</span> : plural(query.rows, "row")}</span>
            </button>
          </li>
        ))}
      </ul>
      <button type="button" class="quiet" onClick={clearPast}>{t("Clear the history")}</button>
    </div>
  );
}
