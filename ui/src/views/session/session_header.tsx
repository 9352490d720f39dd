// What the session is, in two lines, and the switches of the waterfall.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { writeTerm } from "../../state/filter.ts";
import { sessionLink } from "../../state/route.ts";
import type { SessionView } from "../../state/session_view.ts";
import { t } from "../../strings.ts";
import { formatAgo, formatCost, formatCount, formatDuration, formatTime, groupDigits, plural } from "../../trace/format.ts";
import { oneLine, titleOf } from "../../trace/payload_text.ts";
import { Icon } from "../../widgets/icon.tsx";
import { kindMark, kindName } from "../findings/kinds.ts";
import { StatusMark } from "../sessions/session_marks.tsx";

function useMinuteClock(): void {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 15_000);
    return () => clearInterval(timer);
  }, []);
}

export function SessionHeader({ view }: { view: SessionView }) {
  useMinuteClock();
  const table = view.table.value!;
  const session = view.detail.value?.session ?? null;
  const facts: ComponentChildren[] = [];
  const fact = (key: string, content: ComponentChildren, title?: string) => facts.push(<span key={key} class="fact" title={title}>{content}</span>);
  if (session !== null) {
    if (session.turn_count > 0) fact("turns", plural(session.turn_count, "turn"));
    if (session.model_request_count > 0) fact("model", <>{t("{0} model", groupDigits(session.model_request_count))}</>, plural(session.model_request_count, "model request"));
    if (session.tool_call_count > 0) fact("tool", <>{t("{0} tool", groupDigits(session.tool_call_count))}</>, plural(session.tool_call_count, "tool call"));
    if (facts.length === 0) fact("spans", plural(table.spanCount, "span"));
    if (session.subagent_count > 0) fact("sub", plural(session.subagent_count, "subagent"));
    const tokens = session.input_tokens + session.output_tokens;
    if (tokens > 0) {
      fact("tokens", <>{t("{0} tok", formatCount(tokens))}</>, t("{0} in, {1} out, {2} read from cache, {3} written to cache", groupDigits(session.input_tokens), groupDigits(session.output_tokens), groupDigits(session.cache_read_tokens), groupDigits(session.cache_write_tokens)));
    }
    if (session.cost_usd !== null && session.cost_usd > 0) fact("cost", formatCost(session.cost_usd));
  } else fact("spans", plural(table.spanCount, "span"));
  fact("time", formatDuration(session === null || session.duration_ns === 0 ? table.total : session.duration_ns));

  const title = session !== null ? titleOf(session) : view.source.kind === "trace" ? t("Trace {0}", view.source.id) : view.source.id;
  const origin = [session?.harness, session?.project, session?.host].filter((value) => value != null && value !== "");
  return (
    <header class="session-head">
      <div class="head-line">
        {session === null ? null : <StatusMark row={session} />}
        <h1 class="clip" title={oneLine(title)}>{oneLine(title)}</h1>
        {view.source.kind === "trace" && session !== null ? <a class="muted" href={sessionLink(session.session_id)}>{t("open its session")}</a> : null}
        <span class="grow" />
        <span class="muted clip">{origin.map((value) => oneLine(String(value))).join(" · ")}</span>
        <span class="muted nowrap" title={session?.started_at ?? table.startedAt}>
          {session?.status === "running" ? <span class="running-text">{t("running")}</span> : session?.ended_at ? t("ended {0}", formatAgo(session.ended_at)) : formatTime(table.startedAt)}
        </span>
      </div>
      <div class="head-line head-facts">
        {facts}
        {session !== null && session.denied_count > 0 ? <button type="button" class="fact link tone-denied" onClick={() => view.seekRow(1, (row) => table.decision[row] === 2)}><Icon name="denied" />{t("{0} denied", session.denied_count)}</button> : null}
        {session !== null && session.error_count > 0 ? <button type="button" class="fact link tone-error" onClick={() => view.seekRow(1, (row) => table.status[row] === 2)}><Icon name="error" />{plural(session.error_count, "error")}</button> : null}
        {view.findings.value.filter((finding) => finding.kind !== "blocked").slice(0, 4).map((finding) => (
          <button key={finding.finding_id} type="button" class={`fact link tone-${kindMark(finding.kind, finding.severity)[1]}`} title={oneLine(finding.explanation)} onClick={() => view.select(finding.rows[0] ?? -1, true)}>
            <Icon name={kindMark(finding.kind, finding.severity)[0]} />{kindName(finding.kind)}{finding.repeat_count > 1 ? ` ×${finding.repeat_count}` : ""}
          </button>
        ))}
        {session?.tags.map((tag) => <a key={`tag ${tag}`} class="tag" href={`/?${new URLSearchParams({ q: writeTerm("tag", ":", tag) })}`}>{oneLine(tag)}</a>)}
        {session?.inferred === true ? <span class="fact muted" title={t("The emitter sent no session id; the trace stands in for one.")}>{t("inferred session")}</span> : null}
      </div>
    </header>
  );
}
