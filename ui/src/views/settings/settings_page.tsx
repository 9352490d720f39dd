// What the reader can choose, and what this installation is.

import type { Signal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { access } from "../../api/access.ts";
import { getStats } from "../../api/client.ts";
import { provide, runCommand } from "../../commands.ts";
import { fullTime, now, tellTime, timeStyle, zone } from "../../state/clock.ts";
import { contrast, theme } from "../../state/theme.ts";
import { showQuiet } from "../../state/sessions.ts";
import { t } from "../../strings.ts";
import { formatBytes, groupDigits } from "../../trace/format.ts";
import { navigate } from "../../state/route.ts";
import { Failure } from "../../widgets/states.tsx";
import { useAnswer } from "../../widgets/use_answer.ts";
import "./settings.css";

function Choice({ label, about, state, options }: { label: string; about: string; state: Signal<string>; options: [value: string, label: string][] }) {
  return (
    <fieldset class="setting">
      <legend>{label}</legend>
      <p class="note">{about}</p>
      <div class="segmented large" role="radiogroup" aria-label={label}>
        {options.map(([value, text]) => <button key={value} type="button" role="radio" aria-checked={state.value === value} aria-pressed={undefined} class={state.value === value ? "is-on" : ""} onClick={() => (state.value = value)}>{text}</button>)}
      </div>
    </fieldset>
  );
}

function Fact({ label, value }: { label: string; value: string | null }) {
  return <div><dt>{label}</dt><dd class="mono">{value ?? "…"}</dd></div>;
}

export function SettingsPage() {
  const stats = useAnswer("stats", getStats);
  const s = stats.data;
  const projects = access.value?.projects ?? null;
  useLayoutEffect(() => provide({ back: () => navigate("/") }), []);
  const sample = new Date(now.value - 95_000).toISOString();
  return (
    <main class="page page-scroll settings">
      <h1>{t("Settings")}</h1>
      <p class="note">{t("Kept in this browser.")}</p>
      <Choice label={t("Theme")} about={t("Light, dark, or as the system says.")} state={theme} options={[["auto", t("System")], ["light", t("Light")], ["dark", t("Dark")]]} />
      <Choice label={t("Contrast")} about={t("High contrast draws stronger lines and darker text.")} state={contrast} options={[["auto", t("System")], ["normal", t("Normal")], ["more", t("High")]]} />
      <Choice label={t("Time zone")} about={t("Times read like {0}.", fullTime(sample))} state={zone} options={[["local", t("Local")], ["utc", t("UTC")]]} />
      <Choice label={t("Times in lists")} about={t("A moment ago reads {0}. The full time is always in the hint.", tellTime(sample))} state={timeStyle} options={[["clock", t("Clock time")], ["relative", t("Time ago")]]} />
      <fieldset class="setting">
        <legend>{t("Traces without acts")}</legend>
        <p class="note">{t("Traces that stand alone and hold no model request and no tool call: mostly housekeeping of exporters.")}</p>
        <label class="check"><input type="checkbox" checked={showQuiet.value} onChange={(event) => (showQuiet.value = event.currentTarget.checked)} /> {t("Show them among the sessions")}</label>
      </fieldset>
      <h2 class="settings-part">{t("This installation")}</h2>
      {projects === null ? null : <p class="note settings-limit">{projects.length === 1 ? t("You see the project {0} alone.", projects[0]!) : t("You see these projects alone: {0}.", projects.join(", "))}</p>}
      {stats.failure === null || projects !== null ? null : <Failure error={stats.failure} what={t("The figures of the installation could not be read")} retry={stats.again} />}
      {projects !== null ? null : <dl class="installation">
        <Fact label={t("Version")} value={s && s.version} />
        <Fact label={t("Running since")} value={s && fullTime(s.started_at).replace(/\.\d+/, "")} />
        <Fact label={t("OTLP over gRPC")} value={s && (s.otlp.grpc ?? "off")} />
        <Fact label={t("OTLP over HTTP")} value={s && (s.otlp.http ?? "off")} />
        <Fact label={t("Sessions")} value={s && groupDigits(s.session_count)} />
        <Fact label={t("Spans")} value={s && groupDigits(s.span_count)} />
        <Fact label={t("Events")} value={s && groupDigits(s.event_count)} />
        <Fact label={t("Metric points")} value={s && groupDigits(s.metric_count)} />
        <Fact label={t("Payloads as sent")} value={s && formatBytes(s.payload_bytes)} />
        <Fact label={t("On disk")} value={s && formatBytes(s.stored_bytes)} />
        <Fact label={t("Refused since the start")} value={s && groupDigits(s.ingest.rejected)} />
        <Fact label={t("Waiting to be loaded")} value={s && formatBytes(s.ingest.queued_bytes)} />
      </dl>}
      <p class="settings-links"><button type="button" onClick={() => runCommand("help")}>{t("All keys")} <kbd>?</kbd></button> <a class="plain-link" href="/setup">{t("Connect an agent")}</a> <a class="plain-link" href="/api/v1/openapi.json" target="_blank" rel="noreferrer">{t("Description of the API")}</a></p>
    </main>
  );
}
