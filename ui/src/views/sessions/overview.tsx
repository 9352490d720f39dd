// Above the list: the year, and what the sessions of the list add up to.

import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { getActivity, getSummary, type SessionSummary } from "../../api/overview.ts";
import { dayOf, now, zone } from "../../state/clock.ts";
import { bounds, changes, filterText } from "../../state/sessions.ts";
import { replaceTerms, toParams } from "../../state/filter.ts";
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
    <dl class="cards" aria-label="Totals of the sessions below">
      <Card label="Sessions" value={s && groupDigits(s.session_count)}>{s && s.running_count > 0 ? <span class="running-text">{groupDigits(s.running_count)} running</span> : null}</Card>
      <Card label="Messages" value={s && groupDigits(s.turn_count + s.model_request_count)} title={s ? `${plural(s.turn_count, "prompt")} and ${plural(s.model_request_count, "answer")} of models` : undefined}>{s ? `${formatCount(s.tool_call_count)} tool calls` : null}</Card>
      <Card label="Tokens" value={s && formatCount(tokens)} title={s ? `${groupDigits(s.input_tokens)} in, ${groupDigits(s.output_tokens)} out, ${groupDigits(s.cache_read_tokens)} of the input from caches` : undefined}>
        {s && s.cache_read_tokens > 0 ? `${Math.round((100 * s.cache_read_tokens) / Math.max(1, s.input_tokens))}% cached` : null}
      </Card>
      <Card label="Cost" value={s && (s.cost_usd === null ? "–" : formatCost(s.cost_usd))} title={s ? (s.priced_session_count < s.session_count ? `Known for ${plural(s.priced_session_count, "session")} of ${groupDigits(s.session_count)}` : "Known for all of them") : undefined}>
        {s && s.priced_session_count > 0 && s.priced_session_count < s.session_count ? `of ${groupDigits(s.priced_session_count)} priced` : null}
      </Card>
      <Card label="Avg. duration" value={s && (s.average_duration_ns === null ? "–" : formatDuration(s.average_duration_ns))} />
      <Card label="Findings" value={s && groupDigits(s.finding_count)}>{s && s.finding_count > 0 ? `in ${plural(s.found_session_count, "session")}` : null}</Card>
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
    <section class="overview" aria-label="Overview">
      <Heatmap activity={activity.data} />
      <Cards summary={summary.data} />
    </section>
  );
}
