// Saved queries and the history: a click brings one back.

import { keyLabel } from "../../commands.ts";
import { t } from "../../strings.ts";
import { plural } from "../../trace/format.ts";
import { Icon } from "../../widgets/icon.tsx";
import { Time } from "../../widgets/time.tsx";
import { EXAMPLES } from "./examples.ts";
import { clearPast, forget, past, saved } from "./query_store.ts";

export function SavedQueries({ use }: { use: (sql: string) => void }) {
  const list = saved();
  return (
    <div class="queries">
      <h2>{t("Saved")}</h2>
      {list.length === 0 ? <p class="note">{t("None yet: {0} in the editor saves the query in this browser.", keyLabel("Mod+s"))}</p> : (
        <ul>
          {list.map((query) => (
            <li key={query.name} class="query">
              <button type="button" class="query-use" title={query.sql} onClick={() => use(query.sql)}><span class="clip">{query.name}</span></button>
              <button type="button" class="quiet" aria-label={t("Forget {0}", query.name)} title={t("Forget")} onClick={() => forget(query.name)}><Icon name="error" size={9} /></button>
            </li>
          ))}
        </ul>
      )}
      <h2>{t("Examples")}</h2>
      <ul>{EXAMPLES.map((example) => <li key={example.label} class="query"><button type="button" class="query-use" title={example.sql} onClick={() => use(example.sql)}><span class="clip">{example.label}</span></button></li>)}</ul>
    </div>
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
