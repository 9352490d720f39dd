// The parameters of a saved query: a field for each, and, when one is saved, what each takes.

import { useState } from "preact/hooks";
import { toApiError, type ApiError } from "../../api/client.ts";
import { PARAMETER_TYPES, saveQuery, type ListedQuery, type Parameter, type ParameterType } from "../../api/queries.ts";
import { tell } from "../../state/panels.ts";
import { t } from "../../strings.ts";
import { cellText } from "./cells.ts";
import { loadQueries, nameOf, parametersOf, queries, valueOf } from "./query_store.ts";

const HINTS: Record<ParameterType, string> = { text: t("text"), integer: t("whole number"), number: t("number"), boolean: t("true or false"), timestamp: t("time, or an age as 7d") };

export function ParameterFields({ parameters, values, onValue, run }: { parameters: readonly Parameter[]; values: Readonly<Record<string, string>>; onValue: (name: string, text: string) => void; run: () => void }) {
  if (parameters.length === 0) return null;
  return (
    <form class="parameters" aria-label={t("Parameters")} onSubmit={(event) => {
      event.preventDefault();
      run();
    }}>
      {parameters.map((parameter) => {
        const usual = parameter.required ? HINTS[parameter.type] : cellText(parameter.default);
        const shown = values[parameter.name] ?? "";
        return (
          <label key={parameter.name} title={parameter.description || HINTS[parameter.type]}>
            <span class="mono">${parameter.name}{parameter.required ? <span class="tone-error" aria-hidden="true">*</span> : null}</span>
            {parameter.type === "boolean" ? (
              <select aria-label={parameter.name} value={shown} onChange={(event) => onValue(parameter.name, event.currentTarget.value)}><option value="">{usual}</option><option value="true">{t("true")}</option><option value="false">{t("false")}</option></select>
            ) : <input type="text" inputMode={parameter.type === "integer" || parameter.type === "number" ? "decimal" : "text"} aria-label={parameter.name} aria-required={parameter.required} placeholder={usual} value={shown} onInput={(event) => onValue(parameter.name, event.currentTarget.value)} />}
          </label>
        );
      })}
      <button type="submit" class="sr-only">{t("Run")}</button>
    </form>
  );
}

export function SaveForm({ sql, from, close, saved }: { sql: string; from: ListedQuery | null; close: () => void; saved: (query: ListedQuery) => void }) {
  const [title, setTitle] = useState(from === null || from.shipped ? "" : from.title || from.name);
  const [parameters, setParameters] = useState(() => parametersOf(sql, from?.parameters ?? []));
  const [defaults, setDefaults] = useState<Readonly<Record<string, string>>>(() => Object.fromEntries(parameters.flatMap((one) => (one.required ? [] : [[one.name, cellText(one.default)]]))));
  const [failure, setFailure] = useState<ApiError | null>(null);
  const name = nameOf(title);
  const taken = queries.value?.find((query) => query.name === name);
  const submit = async () => {
    if (name === "") return;
    const described = parameters.map((one) => {
      const usual = valueOf(one, defaults[one.name] ?? "");
      return { ...one, default: usual ?? null, required: usual === undefined };
    });
    const query = { name, title: title.trim(), description: taken?.description ?? "", parameters: described, sql };
    try {
      await saveQuery(query, taken !== undefined && !taken.shipped);
      await loadQueries();
      tell(t("Saved as {0}", title.trim()));
      saved({ ...query, shipped: false });
      close();
    } catch (cause) {
      setFailure(toApiError(cause));
    }
  };
  const change = (name: string, type: ParameterType) => setParameters(parameters.map((one) => (one.name === name ? { ...one, type } : one)));
  return (
    <form class="save-form" onSubmit={(event) => {
      event.preventDefault();
      void submit();
    }} onKeyDown={(event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      close();
    }}>
      <input type="text" autoFocus aria-label={t("Name of the query")} placeholder={t("Name")} value={title} maxLength={64} onInput={(event) => setTitle(event.currentTarget.value)} />
      {parameters.map((one) => (
        <span key={one.name} class="save-parameter">
          <span class="mono">${one.name}</span>
          <select aria-label={t("Type of {0}", one.name)} value={one.type} onChange={(event) => change(one.name, event.currentTarget.value as ParameterType)}>{PARAMETER_TYPES.map((type) => <option key={type} value={type}>{HINTS[type]}</option>)}</select>
          <input type="text" aria-label={t("Default of {0}", one.name)} placeholder={t("no default")} value={defaults[one.name] ?? ""} onInput={(event) => setDefaults({ ...defaults, [one.name]: event.currentTarget.value })} />
        </span>
      ))}
      <button type="submit" class="primary" disabled={name === "" || taken?.shipped === true} title={taken?.shipped === true ? t("A shipped query has this name") : undefined}>{taken === undefined ? t("Save") : t("Replace")}</button>
      <button type="button" class="quiet" onClick={close}>{t("Cancel")}</button>
      {failure === null ? null : <span class="note tone-error" role="alert">{failure.message}</span>}
    </form>
  );
}
