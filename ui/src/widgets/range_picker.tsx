// Which time a page is about, and of which harness. Both stand in the address.

import { navigate, path, query } from "../state/route.ts";
import { RANGES, readRange, type Range } from "../state/range.ts";
import { fullTime } from "../state/clock.ts";
import { loadValues, values } from "../state/sessions.ts";
import { t } from "../strings.ts";
import { Icon } from "./icon.tsx";

/** Changes some parameters of the address and goes there; null takes one away. */
export function visit(changes: Record<string, string | null>, replace = false): void {
  const params = new URLSearchParams(query.peek());
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") params.delete(key);
    else params.set(key, value);
  }
  const text = params.toString();
  navigate(path.peek() + (text === "" ? "" : `?${text}`), { replace });
}

export function rangeOf(params: URLSearchParams, fallback = "7d"): Range {
  // Whole minutes, so that a page drawn again asks the same question.
  return readRange(params.get("range"), Math.ceil(Date.now() / 60_000) * 60, fallback);
}

export function RangePicker({ fallback = "7d" }: { fallback?: string }) {
  const range = rangeOf(query.value, fallback);
  const short = (seconds: number) => fullTime(new Date(seconds * 1000).toISOString()).slice(0, 16);
  const harness = query.value.get("harness") ?? "";
  const names = new Set([...(values.value["harness"] ?? []).map((item) => item.value), ...(harness === "" ? [] : [harness])]);
  loadValues();
  return (
    <>
      <div class="segmented" role="group" aria-label={t("Time")}>
        {RANGES.map(({ name, label }) => <button key={name} type="button" aria-pressed={range.name === name} onClick={() => visit({ range: name === fallback ? null : name })}>{label}</button>)}
      </div>
      {range.name === null ? <button type="button" class="switch" aria-pressed="true" title={t("Back to the last days")} onClick={() => visit({ range: null })}>{short(range.fromS)} – {short(range.untilS)} <Icon name="error" size={8} /></button> : null}
      <select class="small-select" aria-label={t("Harness")} value={harness} onChange={(event) => visit({ harness: event.currentTarget.value })}>
        <option value="">{t("all harnesses")}</option>
        {[...names].sort().map((name) => <option key={name} value={name}>{name}</option>)}
      </select>
    </>
  );
}
