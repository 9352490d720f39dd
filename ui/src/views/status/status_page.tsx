// How the recorder is: what arrives, what waits, what is refused, and what it takes of the machine.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { getStats, isAbort, toApiError, type ApiError } from "../../api/client.ts";
import type { Stats } from "../../api/types.ts";
import { provide } from "../../commands.ts";
import { fullTime } from "../../state/clock.ts";
import { copy } from "../../state/panels.ts";
import { navigate } from "../../state/route.ts";
import { t } from "../../strings.ts";
import { formatBytes, formatCount, formatDuration, groupDigits, plural } from "../../trace/format.ts";
import { Icon } from "../../widgets/icon.tsx";
import { Sparkline } from "../../widgets/sparkline.tsx";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { keep, KEPT, ratesOf, type Look } from "./history.ts";
import "./status.css";

const EVERY_MS = 2000;

interface Watched {
  stats: Stats | null;
  looks: readonly Look[];
  failure: ApiError | null;
}

function lookAt(stats: Stats): Look {
  const { requests, received_bytes, spans, log_records, metric_points, refusals } = stats.ingest;
  return { atMs: Date.now(), counts: { requests, received_bytes, spans, log_records, metric_points, refusals: refusals.reduce((sum, { count }) => sum + count, 0) } };
}

/** The figures, asked for again and again while somebody looks and has not paused. */
function useWatch(paused: boolean): Watched & { again: () => void } {
  const [watched, setWatched] = useState<Watched>({ stats: null, looks: [], failure: null });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    const read = async () => {
      try {
        if (!document.hidden) {
          const stats = await getStats(abort.signal);
          setWatched((old) => ({ stats, looks: keep(old.looks, lookAt(stats)), failure: null }));
        }
      } catch (cause) {
        if (isAbort(cause)) return;
        setWatched((old) => ({ ...old, failure: toApiError(cause) }));
      }
      if (!paused && !abort.signal.aborted) timer = window.setTimeout(() => void read(), EVERY_MS);
    };
    if (!paused || round > 0) void read();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [paused, round]);
  return { ...watched, again: () => setRound(round + 1) };
}

function seconds(value: number): string {
  return formatDuration(value * 1e9);
}

function rate(value: number): string {
  return value === 0 ? "0" : value < 10 ? value.toFixed(1) : formatCount(Math.round(value));
}

function Card({ title, note, tone, children }: { title: string; note?: string; tone?: string; children: ComponentChildren }) {
  return (
    <section class={`status-card${tone === undefined ? "" : ` is-${tone}`}`} aria-label={title}>
      <h2>{title}{note === undefined ? null : <span class="note">{note}</span>}</h2>
      {children}
    </section>
  );
}

function Facts({ rows }: { rows: [label: string, value: string, about?: string, tone?: string][] }) {
  return (
    <dl class="status-facts">
      {rows.map(([label, value, about, tone]) => <div key={label} title={about}><dt>{label}</dt><dd class={`mono${tone === undefined ? "" : ` tone-${tone}`}`}>{value}</dd></div>)}
    </dl>
  );
}

function Rates({ stats, looks }: { stats: Stats; looks: readonly Look[] }) {
  const per = stats.ingest.per_second;
  const rows: [name: keyof typeof per, label: string, text: (value: number) => string, total: number][] = [
    ["spans", t("spans"), rate, stats.ingest.spans],
    ["log_records", t("log records"), rate, stats.ingest.log_records],
    ["metric_points", t("metric points"), rate, stats.ingest.metric_points],
    ["requests", t("requests"), rate, stats.ingest.requests],
    ["received_bytes", t("received"), (value) => formatBytes(Math.round(value)), stats.ingest.received_bytes],
  ];
  const blank = Array.from({ length: KEPT }, () => 0);
  return (
    <table class="status-rates">
      <thead><tr><th scope="col" class="sr-only">{t("What")}</th><th scope="col" class="num">{t("a second")}</th><th scope="col">{t("last two minutes")}</th><th scope="col" class="num">{t("since the start")}</th></tr></thead>
      <tbody>
        {rows.map(([name, label, text, total]) => (
          <tr key={name}>
            <th scope="row">{label}</th>
            <td class="num">{text(per[name])}</td>
            <td class="status-spark"><Sparkline values={[...blank, ...ratesOf(looks, name)].slice(-KEPT)} width={360} fills label={t("{0} a second in the last two minutes, now {1}", label, text(ratesOf(looks, name).at(-1) ?? 0))} /></td>
            <td class="num muted">{name === "received_bytes" ? formatBytes(total) : groupDigits(total)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** How much of something is in use. Above nine tenths it is a warning. */
function Meter({ label, value, most }: { label: string; value: number; most: number }) {
  const part = most === 0 ? 0 : Math.min(1, value / most);
  return (
    <div class="status-meter">
      <p><span>{label}</span><span class="mono">{t("{0} of {1}", formatBytes(value), formatBytes(most))}</span></p>
      <div role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={most} aria-valuenow={value} aria-valuetext={t("{0} of {1}", formatBytes(value), formatBytes(most))}><i class={part > 0.9 ? "is-full" : ""} style={{ width: `${part * 100}%` }} /></div>
    </div>
  );
}

/** Counts by name, largest first, as bars of one colour. */
function Counted({ rows, text, colour, none }: { rows: readonly { name: string; count: number }[]; text: (count: number) => string; colour: string; none: string }) {
  const list = rows.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
  if (list.length === 0) return <p class="note">{none}</p>;
  return (
    <ol class="status-bars">
      {list.map(({ name, count }) => (
        <li key={name}>
          <p><span class="clip">{name.replaceAll("_", " ")}</span><span class="mono">{text(count)}</span></p>
          <i style={{ width: `${Math.max(1, (100 * count) / list[0]!.count)}%`, background: `var(--${colour})` }} />
        </li>
      ))}
    </ol>
  );
}

function Figures({ stats, looks }: { stats: Stats; looks: readonly Look[] }) {
  const { ingest, folder, process, search, findings, health } = stats;
  const lag = ingest.lag_seconds;
  return (
    <div class="status-grid">
      <Card title={t("Arriving")} note={t("averages of a minute")}><Rates stats={stats} looks={looks} /></Card>
      <Card title={t("On its way")}>
        <Meter label={t("Memory of requests under way")} value={ingest.queued_bytes} most={ingest.queue_limit_bytes} />
        <Facts rows={[
          [t("Oldest not to be queried yet"), seconds(lag), t("How long the oldest acknowledged request has waited to be in the database"), lag > 30 ? "error" : undefined],
          [t("Journal on disk"), formatBytes(ingest.journal_bytes), t("What is acknowledged is there until it is in the database")],
          [t("Storing a group takes"), ingest.group_mean_seconds === null ? "–" : seconds(ingest.group_mean_seconds)],
          [t("Attempts to store that failed"), groupDigits(ingest.load_failures), t("Each is repeated until it succeeds"), ingest.is_load_failing ? "error" : undefined],
          [t("Sent twice"), groupDigits(ingest.duplicates), t("Records that were there already")],
        ]} />
      </Card>
      <Card title={t("Behind the recording")}>
        <Facts rows={[
          [t("Sessions to look at"), groupDigits(findings.waiting_sessions), t("They have changed since the detectors looked at them")],
          [t("Sessions looked at"), groupDigits(findings.looked_sessions), t("Each time that they were")],
          [t("The latest look took"), seconds(findings.last_look_seconds)],
          [t("Texts to index"), formatBytes(search.waiting_bytes), t("Searches read what waits themselves")],
          [t("Acts to index"), groupDigits(search.waiting_acts)],
          [t("Search index"), formatBytes(search.index_bytes)],
        ]} />
      </Card>
      <Card title={t("Refused")} note={t("requests, since the start")}>
        <Counted rows={ingest.refusals.map(({ reason, count }) => ({ name: reason, count }))} text={groupDigits} colour="error" none={t("No request was refused.")} />
        {ingest.rejected === 0 ? null : <p class="note status-foot">{t("Refused for good, so that sending again is of no use: {0} records and requests.", groupDigits(ingest.rejected))}</p>}
      </Card>
      <Card title={t("Redacted")} note={t("passages, since the start")}>
        {ingest.redactions === null ? <p class="note">{t("Nothing is redacted: {0} replaces keys and passwords before they are on disk.", <code>--redact secrets</code>)}</p> : <Counted rows={ingest.redactions.map(({ kind, count }) => ({ name: kind, count }))} text={groupDigits} colour="hook" none={t("Nothing to redact was met.")} />}
      </Card>
      <Card title={t("Disk")} note={folder.free_bytes === null ? undefined : t("{0} left", formatBytes(folder.free_bytes))}>
        <Counted rows={folder.parts.map(({ name, size_bytes }) => ({ name, count: size_bytes }))} text={formatBytes} colour="turn" none={t("The data folder is empty.")} />
      </Card>
      <Card title={t("Process")}>
        <Facts rows={[
          [t("Memory"), process.resident_bytes === null ? "–" : formatBytes(process.resident_bytes)],
          [t("Open files and sockets"), process.open_files === null ? "–" : groupDigits(process.open_files)],
          [t("Runs for"), seconds(Math.round(process.uptime_seconds))],
          [t("Database opened again"), health.database_recoveries === 0 ? t("never") : plural(health.database_recoveries, "time"), t("Times that the database engine gave up"), health.database_recoveries > 0 ? "error" : undefined],
          [t("Version"), stats.version],
        ]} />
      </Card>
      <Card title={t("Recorded")}>
        <Facts rows={[
          [t("Sessions"), groupDigits(stats.session_count)],
          [t("Spans"), groupDigits(stats.span_count)],
          [t("Events"), groupDigits(stats.event_count)],
          [t("Metric points"), groupDigits(stats.metric_count)],
          [t("Payloads as sent"), formatBytes(stats.payload_bytes)],
        ]} />
      </Card>
    </div>
  );
}

export function StatusPage() {
  const [paused, setPaused] = useState(false);
  const { stats, looks, failure, again } = useWatch(paused);
  useLayoutEffect(() => provide({
    pause: () => setPaused((old) => !old),
    copy_link: () => void copy(location.href, t("Link")),
    back: () => navigate("/"),
  }), []);
  const reason = stats?.health.reason ?? null;
  return (
    <main class="page">
      <div class="page-head">
        <h1>{t("Status")}</h1>
        {stats === null ? null : (
          <p class={`status-state${reason === null ? "" : " is-not-ready"}`} role="status">
            <Icon name={reason === null ? "ok" : "error"} size={12} />
            {reason === null ? t("Ready: requests are acknowledged") : t("Not ready: {0}", reason)}
          </p>
        )}
        <span class="grow" />
        {stats === null ? null : <span class="status-since">{t("running since {0}", fullTime(stats.started_at).replace(/\.\d+/, ""))}</span>}
        <button type="button" class="switch" aria-pressed={paused} onClick={() => setPaused(!paused)} title={t("Space")}><Icon name={paused ? "play" : "pause"} size={10} /> {paused ? t("Paused") : t("Pause")}</button>
      </div>
      {failure === null ? null : <Failure error={failure} what={stats === null ? t("The figures of the recorder could not be read") : t("These figures are old: the recorder did not answer")} retry={again} />}
      {stats === null ? (failure === null ? <Skeleton rows={14} height={32} label={t("Loading the figures of the recorder")} /> : null) : (
        <div class={`page-scroll status-page${failure === null ? "" : " is-old"}`} tabIndex={0} role="region" aria-label={t("Figures of the recorder")}><Figures stats={stats} looks={looks} /></div>
      )}
    </main>
  );
}
