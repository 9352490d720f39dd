// The first page of a new installation: how data gets here, and whether any does.

import { useEffect, useState } from "preact/hooks";
import { getStats } from "../../api/client.ts";
import { connection, onLive } from "../../api/live.ts";
import type { Stats } from "../../api/types.ts";
import { copy } from "../../state/panels.ts";
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
      <header><h2>{title}</h2><span class="muted">{about}</span><span class="grow" /><button type="button" class="quiet" onClick={() => void copy(text, "Command")}>Copy</button></header>
      <pre>{text}</pre>
    </section>
  );
}

function Arrival({ stats }: { stats: Stats | null }) {
  if (stats === null) return <p class="arrival"><i class="pulse" />Asking the server…</p>;
  const ports = [stats.otlp.grpc === null ? null : `gRPC on ${stats.otlp.grpc}`, stats.otlp.http === null ? null : `HTTP on ${stats.otlp.http}`].filter(Boolean).join(", ");
  if (stats.ingest.requests === 0) return <p class="arrival"><i class="pulse" />Listening for OTLP: {ports}. Nothing has arrived yet; this page changes when it does.</p>;
  return (
    <p class="arrival has-data">
      <i />{plural(stats.ingest.requests, "request")} arrived: {groupDigits(stats.ingest.spans)} spans, {groupDigits(stats.ingest.log_records)} log records, {groupDigits(stats.ingest.metric_points)} metric points
      {stats.ingest.rejected > 0 ? `, ${groupDigits(stats.ingest.rejected)} refused` : ""}. The session appears as soon as it can be told apart.
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
  return <p class="arrival has-data"><i />{plural(stats.ingest.requests, "request")} since the start: {groupDigits(stats.ingest.spans)} spans, {groupDigits(stats.ingest.log_records)} log records, {groupDigits(stats.ingest.metric_points)} metric points{stats.ingest.rejected > 0 ? `, ${groupDigits(stats.ingest.rejected)} refused` : ""}</p>;
}

export function ConnectGuide({ title }: { title: string }) {
  const stats = useStats();
  const grpc = stats?.otlp.grpc ?? "127.0.0.1:4317";
  const http = stats?.otlp.http ?? "127.0.0.1:4318";
  return (
    <div class="guide">
      <h1>{title}</h1>
      <Arrival stats={stats} />
      <Snippet title="Claude Code" about="in the shell that starts it" text={claudeCode(grpc)} />
      <Snippet title="Any OpenTelemetry SDK" about="gRPC or HTTP, as the SDK prefers" text={`# gRPC\nexport OTEL_EXPORTER_OTLP_ENDPOINT=http://${grpc} OTEL_EXPORTER_OTLP_PROTOCOL=grpc\n# HTTP\nexport OTEL_EXPORTER_OTLP_ENDPOINT=http://${http} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`} />
      <p class="guide-more">Codex, Gemini CLI, OpenCode, Copilot, Vercel AI, Python and more: <a class="plain-link" href="/setup">Setup</a> has the settings of each, and checks what arrives.</p>
      <Snippet title="Just looking" about="a few made-up runs, sent as agents would send them" text="spanreel demo" />
    </div>
  );
}
