// What went in and what came out.

import type { ComponentChildren } from "preact";
import type { SpanDetail } from "../../api/types.ts";
import { sessionLink } from "../../state/route.ts";
import type { SessionView } from "../../state/session_view.ts";
import { t } from "../../strings.ts";
import { plural } from "../../trace/format.ts";
import { labelOf, operationOf } from "../../trace/labels.ts";
import { oneLine, utf8Length } from "../../trace/payload_text.ts";
import { stringAt } from "../../trace/span_table.ts";
import { Icon, OperationIcon } from "../../widgets/icon.tsx";
import { Note } from "../../widgets/states.tsx";
import { FindingCard } from "../findings/finding_card.tsx";
import { Messages } from "./messages.tsx";
import { PayloadCard, TextCard } from "./payload_card.tsx";

const NAMES: Record<string, [input: string, output: string]> = {
  tool: ["arguments", "result"],
  mcp: ["arguments", "result"],
  skill: ["arguments", "result"],
  turn: ["prompt", "response"],
  session: ["prompt", "response"],
  agent: ["task", "answer"],
  model: ["request", "response"],
  hook: ["input", "output"],
  retrieval: ["query", "documents"],
};

/** Turns of the session, for a turn that carries no payload of its own. */
export function TurnContent({ view, row }: { view: SessionView; row: number }) {
  const table = view.table.value!;
  const number = table.turn[row]!;
  const own = stringAt(table, table.session[row]!) === (view.detail.value?.session.session_id ?? "");
  const turn = own ? view.detail.value?.turns.find((other) => other.turn === number) : undefined;
  if (turn === undefined) return <Note>{t("No span stands for this turn; it gathers the acts that name it.")}</Note>;
  return (
    <>
      {turn.prompt === null ? <Note>{t("The emitter sent no prompt.")}</Note> : <TextCard title={t("prompt")} text={turn.prompt} size={utf8Length(turn.prompt)} />}
      {turn.response === null ? <Note>{t("No response was recorded.")}</Note> : <TextCard title={t("response")} text={turn.response} size={utf8Length(turn.response)} />}
    </>
  );
}

/** The first act that starts after this one has ended. */
function next(view: SessionView, row: number): number {
  const table = view.table.value!;
  const mask = view.plumbing.value!.mask;
  for (let other = row + 1; other < table.spanCount; other++) {
    if (mask[other] === 0 && table.start[other]! >= table.end[row]! && operationOf(table, other) !== "hook") return other;
  }
  return -1;
}

function NextAct({ view, row }: { view: SessionView; row: number }) {
  const after = next(view, row);
  if (after < 0) return <Note>{t("Nothing happened after this.")}</Note>;
  const table = view.table.value!;
  const label = labelOf(table, after, new Map());
  return (
    <button type="button" class="next-act" onClick={() => view.select(after, true)}>
      <span class="muted">{t("what happened next")}</span>
      <OperationIcon operation={operationOf(table, after)} />
      <span>{label.name}</span><span class="muted clip">{label.detail}</span>
    </button>
  );
}

function Banner({ tone, icon, children }: { tone: string; icon: string; children: ComponentChildren }) {
  return <div class={`banner tone-${tone}`}><Icon name={icon} /><div>{children}</div></div>;
}

/** Which switch makes an emitter send what is missing. */
const SWITCHES: Record<string, Record<string, string>> = {
  "claude-code": { arguments: "OTEL_LOG_TOOL_DETAILS=1", result: "OTEL_LOG_TOOL_CONTENT=1", prompt: "OTEL_LOG_USER_PROMPTS=1" },
};

function missing(view: SessionView, detail: SpanDetail, what: string): string {
  const { span } = detail;
  if (span.ended_at === null) return t("No {0} yet: the span has not ended.", what);
  if (span.decision === "deny" && what !== "arguments") return t("No {0}: the call was not made.", what);
  const harness = view.detail.value?.session.harness ?? "";
  if (harness === "claude-code" && what === "result" && span.status === "error") return t("Claude Code sends no result of a failed call; the next model request carries it.");
  // What was cut upstream already names its switch.
  const remedy = span.truncated_upstream === null ? SWITCHES[harness]?.[what] : undefined;
  return t("The emitter sent no {0}.{1}", what, remedy === undefined ? "" : t(" With {0} it does.", remedy));
}

/** What is known of a failure, in one line. */
function whyFailed(span: SpanDetail["span"]): string {
  const message = span.status_message ?? span.error_message;
  const told = [span.error_type, message].filter(Boolean).map((text) => oneLine(text!)).join(": ");
  if (told !== "") return told;
  return span.exit_code === null || span.exit_code === 0 ? t("Failed without a message") : t("Exit code {0}", span.exit_code);
}

export function Content({ view, row, detail, open }: { view: SessionView; row: number; detail: SpanDetail; open: (key: string) => void }) {
  const { span } = detail;
  const table = view.table.value!;
  const operation = operationOf(table, row);
  const [inputName, outputName] = NAMES[operation] ?? ["input", "output"];
  const messages = detail.messages !== null && detail.messages.input.length + detail.messages.output.length > 0 ? detail.messages : null;
  const failed = span.status === "error";
  const denied = span.decision === "deny";
  const bare = detail.input === null && detail.output === null && messages === null;
  const act = ["model", "tool", "mcp", "skill"].includes(operation);
  return (
    <>
      {denied ? <Banner tone="denied" icon="denied">{t("Denied{0}{1}", span.decision_source === null ? "" : t(" by {0}", oneLine(span.decision_source)), span.hook_name === null ? "" : ` · ${oneLine(span.hook_name)}`)}</Banner> : null}
      {failed || (span.error_type !== null && span.error_type !== "") ? <Banner tone="error" icon="error">{whyFailed(span)}</Banner> : null}
      {span.truncated_upstream === null ? null : <Banner tone="hook" icon="hook">{t("Cut before it arrived: {0}", oneLine(span.truncated_upstream))}</Banner>}
      {(span.dropped_attributes_count ?? 0) > 0 ? <Banner tone="hook" icon="hook">{t("The emitter dropped {0} attributes of this span.", span.dropped_attributes_count)}</Banner> : null}
      {detail.findings.filter((finding) => finding.kind !== "blocked" || !denied).map((finding) => <FindingCard key={finding.finding_id} finding={finding} compact />)}
      {messages === null ? (
        <>
          {detail.input !== null ? <PayloadCard title={inputName} payload={detail.input} /> : act ? <Note>{missing(view, detail, inputName)}</Note> : null}
          {detail.output !== null ? <PayloadCard title={outputName} payload={detail.output} lines={200} /> : act ? <Note>{missing(view, detail, outputName)}</Note> : null}
          {operation === "turn" && bare ? <TurnContent view={view} row={row} /> : null}
          {bare && !act && operation !== "turn" ? <Note>{t("No payload was sent with this span. Meta has its attributes.")}</Note> : null}
        </>
      ) : (
        <>
          <Messages messages={messages} onSpan={open} />
          {detail.input === null ? null : <PayloadCard title={t("request as sent")} payload={detail.input} open={false} />}
          {detail.output === null ? null : <PayloadCard title={t("response as sent")} payload={detail.output} open={false} />}
        </>
      )}
      {denied || failed || detail.findings.length > 0 ? <NextAct view={view} row={row} /> : null}
      {detail.related.length === 0 ? null : <p class="note"><button type="button" class="link" onClick={() => (view.tab.value = "related")}>{plural(detail.related.length, "related act")}</button></p>}
      {span.session_id !== null && span.session_id !== view.table.value!.sessionId ? <p class="note"><a href={sessionLink(span.session_id)}>{t("Open the session this ran in")}</a></p> : null}
    </>
  );
}
