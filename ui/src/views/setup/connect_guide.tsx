// The first page of a new installation: how data gets here, and whether any does.

import { useEffect, useState } from "preact/hooks";
import { getStats } from "../../api/client.ts";
import { connection, onLive } from "../../api/live.ts";
import type { Stats } from "../../api/types.ts";
import { copy } from "../../state/panels.ts";
import { t } from "../../strings.ts";
import { groupDigits, plural } from "../../trace/format.ts";
import "./setup.css";

function claudeCode(grpc: string): string {
  return [
    "export CLAUDE_CODE_ENABLE_TELEMETRY=1 CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1",
    "export OTEL_METRICS_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp OTEL_TRACES_EXPORTER=otlp",
    `export OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_ENDPOINT=http://${grpc}`,
    "export OTEL_LOG_USER_PROMPTS=1 OTEL_LOG_TOOL_DETAILS=1 OTEL_LOG_TOOL_CONTENT=1",
    "claude",
  ].join("\n");
}

export function Snippet({ title, about, text }: { title: string; about: string; text: string }) {
  return (
    <section class="snippet">
      <header><h2>{title}</h2><span class="muted">{about}</span><span class="grow" /><button type="button" class="quiet" onClick={() => void copy(text, t("Command"))}>{t("Copy")}</button></header>
      <pre>{text}</pre>
    </section>
  );
}

function Arrival({ stats }: { stats: Stats | null }) {
  if (stats === null) return <p class="arrival"><i class="pulse" />{t("Asking the server…")}</p>;
  const ports = [stats.otlp.grpc === null ? null : t("gRPC on {0}", stats.otlp.grpc), stats.otlp.http === null ? null : t("HTTP on {0}", stats.otlp.http)].filter(Boolean).join(", ");
  if (stats.ingest.requests === 0) return <p class="arrival"><i class="pulse" />{t("Listening for OTLP: {0}. Nothing has arrived yet; this page changes when it does.", ports)}</p>;
  return (
    <p class="arrival has-data">
      <i />{t("{0} arrived: {1} spans, {2} log records, {3} metric points{4}. The session appears as soon as it can be told apart.", plural(stats.ingest.requests, "request"), groupDigits(stats.ingest.spans), groupDigits(stats.ingest.log_records), groupDigits(stats.ingest.metric_points), stats.ingest.rejected > 0 ? t(", {0} refused", groupDigits(stats.ingest.rejected)) : "")}
    </p>
  );
}

function useStats(): Stats | null {
  const [stats, setStats] = useState<Stats | null>(null);
  useEffect(() => {
    const read = () => void getStats().then(setStats, () => undefined);
    read();
    const timer = setInterval(read, 2000);
    const stop = onLive("commit", read);
    return () => {
      clearInterval(timer);
      stop();
    };
  }, [connection.value]);
  return stats;
}

/** One line that says what has arrived so far. */
export function ArrivalNow() {
  const stats = useStats();
  if (stats === null || stats.ingest.requests === 0) return <Arrival stats={stats} />;
  return <p class="arrival has-data"><i />{t("{0} since the start: {1} spans, {2} log records, {3} metric points{4}", plural(stats.ingest.requests, "request"), groupDigits(stats.ingest.spans), groupDigits(stats.ingest.log_records), groupDigits(stats.ingest.metric_points), stats.ingest.rejected > 0 ? t(", {0} refused", groupDigits(stats.ingest.rejected)) : "")}</p>;
}

export function ConnectGuide({ title }: { title: string }) {
  const stats = useStats();
  const grpc = stats?.otlp.grpc ?? "127.0.0.1:4317";
  const http = stats?.otlp.http ?? "127.0.0.1:4318";
  return (
    <div class="guide">
      <h1>{title}</h1>
      <Arrival stats={stats} />
      <Snippet title={t("Claude Code")} about={t("in the shell that starts it")} text={claudeCode(grpc)} />
      <Snippet title={t("Any OpenTelemetry SDK")} about={t("gRPC or HTTP, as the SDK prefers")} text={`# gRPC\nexport OTEL_EXPORTER_OTLP_ENDPOINT=http://${grpc} OTEL_EXPORTER_OTLP_PROTOCOL=grpc\n# HTTP\nexport OTEL_EXPORTER_OTLP_ENDPOINT=http://${http} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`} />
      <p class="guide-more">{t("Codex, Gemini CLI, OpenCode, Copilot, Vercel AI, Python and more: {0} has the settings of each, and checks what arrives.", <a class="plain-link" href="/setup">{t("Setup")}</a>)}</p>
      <Snippet title={t("Just looking")} about={t("a few made-up runs, sent as agents would send them")} text="spanreel demo" />
    </div>
  );
}
