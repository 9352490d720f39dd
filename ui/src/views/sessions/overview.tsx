// Above the list: the year, and what the sessions of the list add up to.

import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { getActivity, getSummary, type SessionSummary } from "../../api/overview.ts";
import { dayOf, now, zone } from "../../state/clock.ts";
import { bounds, changes, filterText } from "../../state/sessions.ts";
import { replaceTerms, toParams } from "../../state/filter.ts";
import { t } from "../../strings.ts";
import { formatCost, formatCount, formatDuration, groupDigits, plural } from "../../trace/format.ts";
import { useAnswer } from "../../widgets/use_answer.ts";
import { Heatmap } from "./heatmap.tsx";

const PACE_MS = 1500;
const YEAR_MS = 372 * 86_400_000;

/** Follows a signal, but not faster than every second or so. */
function usePaced(value: number): number {
  const [paced, setPaced] = useState(value);
  useEffect(() => {
    if (value === paced) return;
    const timer = setTimeout(() => setPaced(value), PACE_MS);
    return () => clearTimeout(timer);
  }, [value === paced]);
  return paced;
}

/** The filter a moment after the last key. */
function useSettled(text: string): string {
  const [settled, settle] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => settle(text), 200);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

function Card({ label, value, children, title }: { label: string; value: string | null; children?: ComponentChildren; title?: string }) {
  return (
    <div class="card-figure" title={title}>
      <dt>{label}</dt>
      <dd><b class="figure">{value ?? <i class="figure-wait" />}</b><span class="figure-note">{value === null ? "" : children}</span></dd>
    </div>
  );
}

function Cards({ summary }: { summary: SessionSummary | null }) {
  const s = summary;
  const tokens = s === null ? 0 : s.input_tokens + s.output_tokens;
  return (
    <dl class="cards" aria-label={t("Totals of the sessions below")}>
      <Card label={t("Sessions")} value={s && groupDigits(s.session_count)}>{s && s.running_count > 0 ? <span class="running-text">{t("{0} running", groupDigits(s.running_count))}</span> : null}</Card>
      <Card label={t("Messages")} value={s && groupDigits(s.turn_count + s.model_request_count)} title={s ? t("{0} and {1} of models", plural(s.turn_count, "prompt"), plural(s.model_request_count, "answer")) : undefined}>{s ? t("{0} tool calls", formatCount(s.tool_call_count)) : null}</Card>
      <Card label={t("Tokens")} value={s && formatCount(tokens)} title={s ? t("{0} in, {1} out, {2} of the input from caches", groupDigits(s.input_tokens), groupDigits(s.output_tokens), groupDigits(s.cache_read_tokens)) : undefined}>
        {s && s.cache_read_tokens > 0 ? t("{0}% cached", Math.round((100 * s.cache_read_tokens) / Math.max(1, s.input_tokens))) : null}
      </Card>
      <Card label={t("Cost")} value={s && (s.cost_usd === null ? "–" : formatCost(s.cost_usd))} title={s ? (s.priced_session_count < s.session_count ? t("Known for {0} of {1}", plural(s.priced_session_count, "session"), groupDigits(s.session_count)) : t("Known for all of them")) : undefined}>
        {s && s.priced_session_count > 0 && s.priced_session_count < s.session_count ? t("of {0} priced", groupDigits(s.priced_session_count)) : null}
      </Card>
      <Card label={t("Avg. duration")} value={s && (s.average_duration_ns === null ? "–" : formatDuration(s.average_duration_ns))} />
      <Card label={t("Findings")} value={s && groupDigits(s.finding_count)}>{s && s.finding_count > 0 ? t("in {0}", plural(s.found_session_count, "session")) : null}</Card>
    </dl>
  );
}

export function Overview() {
  const text = useSettled(filterText.value);
  const round = usePaced(changes.value);
  const summary = useAnswer(`${text} ${round} ${zone.value}`, (signal) => getSummary(toParams(text, bounds()), signal));
  // The year stays whole when days of it are chosen.
  const timeless = replaceTerms(text, ["day", "from", "until"], null);
  const activity = useAnswer(`${timeless} ${round} ${dayOf(now.value)}`, (signal) => {
    const params = toParams(timeless, bounds());
    params.set("from_ns", `${Date.now() - YEAR_MS}000000`);
    return getActivity(params, signal);
  });
  return (
    <section class="overview" aria-label={t("Overview")}>
      <Heatmap activity={activity.data} />
      <Cards summary={summary.data} />
    </section>
  );
}
