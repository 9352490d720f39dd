// Everything that detectors found, newest first, growing as it is found.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, isAbort, listFindings, toApiError } from "../../api/client.ts";
import { onLive } from "../../api/live.ts";
import type { Finding } from "../../api/types.ts";
import { provide } from "../../commands.ts";
import { Meanwhile } from "../../state/meanwhile.ts";
import { copy } from "../../state/panels.ts";
import { navigate, query, sessionLink } from "../../state/route.ts";
import { rows } from "../../state/sessions.ts";
import { t } from "../../strings.ts";
import { formatCost, formatCount, formatDuration, groupDigits, plural } from "../../trace/format.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { Icon } from "../../widgets/icon.tsx";
import { visit } from "../../widgets/range_picker.tsx";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { Time } from "../../widgets/time.tsx";
import { kindMark, kindName } from "./kinds.ts";
import "./findings.css";

const MOST = 1000;
const SPANS_SHOWN = 24;

function Row({ finding, selected, onSelect }: { finding: Finding; selected: boolean; onSelect: () => void }) {
  const [icon, tone] = kindMark(finding.kind, finding.severity);
  const spent: string[] = [];
  if (finding.wasted_ns > 0) spent.push(formatDuration(finding.wasted_ns));
  if (finding.wasted_tokens > 0) spent.push(`${formatCount(finding.wasted_tokens)} tok`);
  if (finding.wasted_cost_usd !== null && finding.wasted_cost_usd > 0) spent.push(formatCost(finding.wasted_cost_usd));
  const shown = finding.span_ids.slice(0, SPANS_SHOWN);
  const link = sessionLink(finding.session_id, finding.span_ids[0]);
  return (
    <li class={`finding-row edge-${tone}${selected ? " is-selected" : ""}`} onClick={(event) => {
      onSelect();
      if ((event.target as Element).closest("a") === null) navigate(link);
    }}>
      <div class="finding-main">
        <h2><span class={`tone-${tone}`}><Icon name={icon} label={kindName(finding.kind)} /></span><a href={link}>{oneLine(finding.title)}</a>{finding.repeat_count > 1 ? <span class={`times tone-${tone}`}>×{finding.repeat_count}</span> : null}</h2>
        <p>{oneLine(finding.explanation)}</p>
        <p class="finding-spans">
          {shown.map((span, i) => <a key={i} class="mono" href={sessionLink(finding.session_id, span)} title={t("Act {0} of {1}: span {2}", i + 1, finding.span_ids.length, span.span_id)}>{i + 1}</a>)}
          {finding.span_ids.length > shown.length ? <span class="muted">{t("and {0} more", finding.span_ids.length - shown.length)}</span> : null}
        </p>
      </div>
      <dl class="finding-side">
        <div><dt>{t("Session")}</dt><dd class="clip"><a class="plain-link" href={sessionLink(finding.session_id)}>{oneLine(finding.session_title ?? finding.session_id)}</a></dd></div>
        <div><dt>{t("Wasted")}</dt><dd class="clip">{spent.length === 0 ? <span class="muted">{t("nothing measured")}</span> : spent.join(" · ")}</dd></div>
        <div><dt>{t("Confidence")}</dt><dd title={t("Detector {0}", finding.detector)}>{finding.confidence}{finding.open ? <span class="running-text open-mark">{t("still going on")}</span> : null}</dd></div>
        <div><dt>{t("Found")}</dt><dd><Time iso={finding.detected_at} /></dd></div>
      </dl>
    </li>
  );
}

export function FindingsPage() {
  const [findings, setFindings] = useState<Finding[] | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [at, setAt] = useState(-1);
  const kind = query.value.get("kind") ?? "";
  const severity = query.value.get("severity") ?? "";
  const text = query.value.get("q") ?? "";
  const meanwhile = useMemo(() => new Meanwhile(), []);
  const request = useRef<AbortController | null>(null);
  const load = async () => {
    request.current?.abort();
    const own = (request.current = new AbortController());
    meanwhile.asked();
    try {
      setFindings((await listFindings({ limit: MOST }, own.signal)).findings);
      setFailure(null);
    } catch (cause) {
      if (isAbort(cause)) return;
      setFailure(toApiError(cause));
    }
    meanwhile.answered();
  };
  useEffect(() => {
    void load();
    const stops = [
      onLive("finding", (finding) => meanwhile.tell(() => setFindings((old) => {
        if (old === null) return old;
        const title = finding.session_title ?? old.find((other) => other.session_id === finding.session_id)?.session_title ?? rows.peek().find((row) => row.session_id === finding.session_id)?.title ?? null;
        const grown = { ...finding, session_title: title };
        const index = old.findIndex((other) => other.finding_id === finding.finding_id);
        return index === -1 ? [grown, ...old] : old.map((other, i) => (i === index ? grown : other));
      }))),
      onLive("joined", () => void load()),
    ];
    return () => {
      request.current?.abort();
      for (const stop of stops) stop();
    };
  }, []);

  const all = findings ?? [];
  const needle = text.trim().toLowerCase();
  const fits = (finding: Finding) => (severity === "" || finding.severity === severity)
    && (needle === "" || `${finding.title} ${finding.explanation} ${finding.session_title ?? ""} ${finding.session_id} ${finding.detector}`.toLowerCase().includes(needle));
  const fitting = useMemo(() => all.filter(fits), [findings, severity, needle]);
  const shown = fitting.filter((finding) => kind === "" || finding.kind === kind);
  const kinds = [...new Set(all.map((finding) => finding.kind))].sort();
  const severities = [...new Set(all.map((finding) => finding.severity))].sort();
  const spent = {
    ns: shown.reduce((sum, finding) => sum + finding.wasted_ns, 0),
    tokens: shown.reduce((sum, finding) => sum + finding.wasted_tokens, 0),
    usd: shown.reduce((sum, finding) => sum + (finding.wasted_cost_usd ?? 0), 0),
  };
  const go = (next: number) => {
    const index = Math.min(shown.length - 1, Math.max(0, next));
    setAt(index);
    document.querySelectorAll(".finding-row")[index]?.scrollIntoView({ block: "nearest" });
  };
  useLayoutEffect(() => provide({
    next: () => go(at + 1),
    previous: () => go(at - 1),
    first: () => go(0),
    last: () => go(Infinity),
    open: () => {
      const finding = shown[at];
      if (finding !== undefined) navigate(sessionLink(finding.session_id, finding.span_ids[0]));
    },
    search: () => document.querySelector<HTMLInputElement>("#finding-filter")?.select(),
    copy_link: () => void copy(location.href, t("Link")),
    back: () => {
      if (document.activeElement instanceof HTMLInputElement) document.activeElement.blur();
      else if (kind !== "" || text !== "" || severity !== "") visit({ kind: null, q: null, severity: null });
      else setAt(-1);
    },
  }), [at, shown.length, kind, text, severity]);

  return (
    <main class="findings-page">
      <div class="page-head">
        <h1>{t("Findings")}</h1>
        <label class="search-box"><Icon name="search" /><input id="finding-filter" type="search" placeholder={t("Words")} aria-label={t("Filter findings")} value={text} onInput={(event) => visit({ q: event.currentTarget.value }, true)} /><kbd>/</kbd></label>
        <div class="chips" role="group" aria-label={t("Kind")}>
          <button type="button" aria-pressed={kind === ""} onClick={() => visit({ kind: null })}>{t("all")}<span class="count">{findings === null ? "" : fitting.length}</span></button>
          {kinds.map((name) => <button key={name} type="button" aria-pressed={kind === name} onClick={() => visit({ kind: kind === name ? null : name })}><span class={`tone-${kindMark(name)[1]}`}><Icon name={kindMark(name)[0]} /></span>{kindName(name)}<span class="count">{fitting.filter((finding) => finding.kind === name).length}</span></button>)}
        </div>
        {severities.length > 1 ? (
          <div class="segmented" role="group" aria-label={t("Severity")}>
            <button type="button" aria-pressed={severity === ""} onClick={() => visit({ severity: null })}>{t("any severity")}</button>
            {severities.map((name) => <button key={name} type="button" aria-pressed={severity === name} onClick={() => visit({ severity: name })}>{name}</button>)}
          </div>
        ) : null}
        <span class="grow" />
        {shown.length > 0 && spent.ns + spent.tokens > 0 ? (
          <span class="note" title={t("What the repeats after the first took, in the findings shown")}>{t("Wasted: {0}{1}{2}", <b>{formatDuration(spent.ns)}</b>, spent.tokens > 0 ? <>{" "}{t("· {0} tokens", <b>{formatCount(spent.tokens)}</b>)}</> : null, spent.usd > 0 ? <> · <b>{formatCost(spent.usd)}</b></> : null)}</span>
        ) : null}
      </div>
      {failure !== null ? <Failure error={failure} what={findings === null ? t("The findings could not be read") : t("The findings could not be read again; what is shown is older")} retry={() => void load()} /> : null}
      {findings === null ? (failure === null ? <Skeleton rows={8} height={84} label={t("Loading findings")} /> : null)
        : shown.length === 0 ? (
          <div class="page-empty">
            <h2>{all.length === 0 ? t("Nothing found") : t("No finding fits")}</h2>
            <p class="muted">{all.length === 0 ? t("Loops, blocked actions, error streaks and more appear here within a second of the act that completes them.") : <button type="button" class="link" onClick={() => visit({ kind: null, q: null, severity: null })}>{t("Show all {0}", groupDigits(all.length))}</button>}</p>
          </div>
        ) : (
          <ul class="finding-rows" aria-label={plural(shown.length, "finding")} tabIndex={0}>
            {shown.map((finding, i) => <Row key={finding.finding_id} finding={finding} selected={i === at} onSelect={() => setAt(i)} />)}
            {all.length >= MOST ? <li class="note pad">{t("These are the last {0}; older ones can be read {1}.", groupDigits(MOST), <a class="plain-link" href={`/sql?${new URLSearchParams({ sql: "select detected_at, kind, title, session_id, first_span_id\nfrom findings\norder by detected_at desc" })}`}>{t("in SQL")}</a>)}</li> : null}
          </ul>
        )}
    </main>
  );
}
