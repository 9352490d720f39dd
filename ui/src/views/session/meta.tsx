// Times, ids, tokens, attributes, resource, links and events.

import type { ComponentChildren } from "preact";
import type { Json, SpanDetail, SpanEvent } from "../../api/types.ts";
import { sessionLink, spanLink } from "../../state/route.ts";
import { t } from "../../strings.ts";
import { formatCost, formatDuration, groupDigits } from "../../trace/format.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { stringify } from "../../trace/json_text.ts";
import { Note } from "../../widgets/states.tsx";
import { TextView } from "../../widgets/text_view.tsx";
import { useFind } from "./inspector_state.ts";
import { HashCard } from "./payload_card.tsx";

function payloadOf(value: Json): { hash: string; size_bytes: number } | null {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
  const inner = value["$payload"];
  if (inner === null || typeof inner !== "object" || Array.isArray(inner) || inner === undefined) return null;
  return typeof inner["hash"] === "string" ? { hash: inner["hash"], size_bytes: Number(inner["size_bytes"] ?? 0) } : null;
}

function Value({ name, value }: { name: string; value: Json }) {
  const find = useFind();
  const payload = payloadOf(value);
  if (payload !== null) return <HashCard title={name} hash={payload.hash} size={payload.size_bytes} />;
  const text = typeof value === "string" ? value : stringify(value);
  return <TextView text={text} json={typeof value !== "string"} find={find} lines={8} />;
}

function Pairs({ title, values }: { title: string; values: Record<string, Json> }) {
  const keys = Object.keys(values).sort();
  if (keys.length === 0) return null;
  return (
    <section>
      <h3 class="part-title">{title} <span class="count">{keys.length}</span></h3>
      <dl class="pairs">
        {keys.map((key) => <div key={key}><dt>{oneLine(key)}</dt><dd><Value name={key} value={values[key]!} /></dd></div>)}
      </dl>
    </section>
  );
}

function Facts({ title, facts }: { title: string; facts: [string, ComponentChildren][] }) {
  const known = facts.filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (known.length === 0) return null;
  return (
    <section>
      <h3 class="part-title">{title}</h3>
      <dl class="pairs facts-list">{known.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{typeof value === "string" ? oneLine(value) : value}</dd></div>)}</dl>
    </section>
  );
}

export function EventView({ event }: { event: SpanEvent }) {
  return (
    <details class="event">
      <summary>
        <span class="mono muted">{event.time.slice(11, 23)}</span> <span>{oneLine(event.name)}</span> <span class="tag">{event.kind}</span>
        {event.severity === null ? null : <span class="tag">{oneLine(event.severity)}</span>}
      </summary>
      {event.body === null ? null : <Value name="body" value={event.body} />}
      <dl class="pairs">{Object.keys(event.attributes).sort().map((key) => <div key={key}><dt>{oneLine(key)}</dt><dd><Value name={key} value={event.attributes[key]!} /></dd></div>)}</dl>
    </details>
  );
}

export function Meta({ detail, open }: { detail: SpanDetail; open: (key: string) => void }) {
  const { span } = detail;
  const count = (value: number | null) => (value === null ? null : groupDigits(value));
  const parent = span.parent_span_id;
  return (
    <>
      <Facts title={t("time")} facts={[
        [t("start"), span.started_at],
        [t("end"), span.ended_at ?? t("not yet")],
        [t("duration"), span.duration_ns === null || span.duration_ns < 0 ? null : `${formatDuration(span.duration_ns)} (${groupDigits(span.duration_ns)} ns)`],
      ]} />
      <Facts title={t("tokens")} facts={[
        [t("input"), count(span.input_tokens)],
        [t("output"), count(span.output_tokens)],
        [t("read from cache"), count(span.cache_read_tokens)],
        [t("written to cache"), count(span.cache_write_tokens)],
        [t("reasoning"), count(span.reasoning_tokens)],
        [t("cost"), span.cost_usd === null ? null : formatCost(span.cost_usd)],
      ]} />
      <Facts title={t("act")} facts={[
        [t("operation"), span.operation], [t("name"), span.name], [t("kind"), span.kind], [t("status"), span.status], [t("status message"), span.status_message], [t("error type"), span.error_type],
        [t("agent"), span.agent_name], [t("agent id"), span.agent_id], [t("model"), span.model], [t("provider"), span.provider], [t("finish reason"), span.finish_reason],
        [t("tool"), span.tool_name], [t("tool call id"), span.tool_call_id], [t("MCP server"), span.mcp_server], [t("skill"), span.skill_name],
        [t("hook event"), span.hook_event], [t("hook"), span.hook_name], [t("decision"), span.decision], [t("decided by"), span.decision_source], [t("request id"), span.request_id],
      ]} />
      <Facts title={t("identity")} facts={[
        [t("trace"), <a href={`/trace/${span.trace_id}`}>{span.trace_id}</a>],
        [t("span"), span.span_id],
        [t("parent"), parent === null ? null : <button type="button" class="link mono" onClick={() => open(`${span.trace_id}:${parent}`)}>{parent}</button>],
        [t("session"), span.session_id === null ? null : <a href={sessionLink(span.session_id)}>{span.session_id}</a>],
        [t("turn"), span.turn], [t("call hash"), span.call_hash], [t("duplicate of"), span.duplicate_of], [t("trace state"), span.trace_state],
      ]} />
      <Facts title={t("emitter")} facts={[
        [t("origin"), span.origin], [t("scope"), [span.scope_name, span.scope_version].filter(Boolean).join(" ")], [t("service"), span.service_name], [t("host"), span.host],
        [t("dropped attributes"), span.dropped_attributes_count ? String(span.dropped_attributes_count) : null], [t("cut upstream"), span.truncated_upstream],
      ]} />
      <Pairs title={t("attributes")} values={detail.attributes} />
      {detail.events.length === 0 ? null : (
        <section><h3 class="part-title">{t("events")} <span class="count">{detail.events.length}</span></h3>{detail.events.map((event, i) => <EventView key={i} event={event} />)}</section>
      )}
      {detail.links.length === 0 ? null : (
        <section>
          <h3 class="part-title">{t("links")} <span class="count">{detail.links.length}</span></h3>
          {detail.links.map((link, i) => <div key={i} class="event"><a class="mono" href={spanLink(link)}>{link.trace_id}:{link.span_id}</a><Pairs title={t("attributes")} values={link.attributes} /></div>)}
        </section>
      )}
      <Pairs title={t("resource")} values={detail.resource} />
      {Object.keys(detail.attributes).length === 0 && detail.events.length === 0 ? <Note>{t("No attributes were sent.")}</Note> : null}
    </>
  );
}
