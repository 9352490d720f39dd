// What the groups are: a kind, and two values of it.

import { useEffect } from "preact/hooks";
import { GROUPINGS, type Grouping } from "../../api/overview.ts";
import { loadValues, values } from "../../state/sessions.ts";
import { t } from "../../strings.ts";
import { plural } from "../../trace/format.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { visit } from "../../widgets/range_picker.tsx";

const NAMES: Record<Grouping, string> = { harness: t("harness"), version: t("version"), model: t("model"), tag: t("tag") };

const VALUES_SHOWN = 60;

/** The values that there are, each to be taken as A or B. */
export function GroupValues({ by, a, b }: { by: Grouping; a: string; b: string }) {
  useEffect(loadValues, []);
  const known = values.value[by] ?? [];
  if (known.length === 0) return <p class="note pad">{by === "tag" ? t("No session has a tag yet.") : t("Nothing is recorded that tells sessions apart by this.")}</p>;
  const take = (side: "a" | "b", value: string) => (
    <button type="button" aria-pressed={(side === "a" ? a : b) === value} aria-label={`${side.toUpperCase()}: ${oneLine(value)}`} onClick={() => visit({ [side]: value })}>{side.toUpperCase()}</button>
  );
  return (
    <ul class="group-values" aria-label={NAMES[by]}>
      {known.slice(0, VALUES_SHOWN).map(({ value, session_count }) => (
        <li key={value}><span class="segmented">{take("a", value)}{take("b", value)}</span><span class="clip">{oneLine(value)}</span><span class="muted num">{plural(session_count, "session")}</span></li>
      ))}
    </ul>
  );
}

export function GroupChoice({ by, a, b }: { by: Grouping; a: string; b: string }) {
  useEffect(loadValues, []);
  const known = values.value[by] ?? [];
  const side = (name: "a" | "b", value: string) => (
    <label class="group-side"><span class="tag">{name.toUpperCase()}</span>
      <input type="text" list="group-values" aria-label={name === "a" ? t("Group A") : t("Group B")} placeholder={NAMES[by]} value={value} onChange={(event) => visit({ [name]: event.currentTarget.value.trim() })} />
    </label>
  );
  return (
    <div class="group-choice">
      <select class="small-select" aria-label={t("Compare by")} value={by} onChange={(event) => visit({ by: event.currentTarget.value, a: null, b: null })}>
        {GROUPINGS.map((one) => <option key={one} value={one}>{NAMES[one]}</option>)}
      </select>
      {side("a", a)}{side("b", b)}
      <datalist id="group-values">{known.map(({ value }) => <option key={value} value={value} />)}</datalist>
      <button type="button" onClick={() => visit({ a: b, b: a })} disabled={a === "" || b === ""}>{t("Swap A and B")}</button>
    </div>
  );
}
