// The messages of a model request: what is new in full, what was sent before as one line.

import { useState } from "preact/hooks";
import type { Message, MessagePart, SpanDetail } from "../../api/types.ts";
import { t } from "../../strings.ts";
import { formatBytes, plural } from "../../trace/format.ts";
import { utf8Length } from "../../trace/payload_text.ts";
import { HashCard, TextCard } from "./payload_card.tsx";
import { useFind, wholeOf } from "./inspector_state.ts";

const sizeOf = (messages: Message[]) => messages.reduce((sum, message) => sum + message.parts.reduce((bytes, part) => bytes + part.size_bytes, 0), 0);

const PART_NAMES: Record<string, string> = { text: t("text"), reasoning: t("reasoning"), tool_call: t("calls"), tool_call_response: t("result"), blob: t("data") };

function Part({ part, role, lines }: { part: MessagePart; role: string; lines: number }) {
  const kind = PART_NAMES[part.part_type] ?? part.part_type.replaceAll("_", " ");
  const title = part.part_type === "text" ? role : [kind, part.name ?? part.mime_type ?? ""].filter(Boolean).join(" ");
  if (part.content === null) {
    if (part.hash === null) return <p class="note">{t("{0}: nothing was recorded", title)}</p>;
    return <HashCard title={title} hash={part.hash} size={part.size_bytes} />;
  }
  return <TextCard title={title} text={part.content} size={part.size_bytes} hash={part.hash} complete={utf8Length(part.content) >= part.size_bytes} lines={lines} mime={part.mime_type} />;
}

export function MessageView({ message, lines = 40 }: { message: Message; lines?: number }) {
  const role = message.direction === "system" ? "system" : message.role;
  return (
    <div class={`message role-${role}`}>
      <div class="message-role">{role}</div>
      <div class="message-parts">
        {message.parts.length === 0 ? <p class="note">{t("no content")}</p> : message.parts.map((part, i) => <Part key={i} part={part} role={role} lines={role === "system" ? 6 : lines} />)}
      </div>
    </div>
  );
}

export function Messages({ messages, onSpan }: { messages: NonNullable<SpanDetail["messages"]>; onSpan: (key: string) => void }) {
  const [unfolded, unfold] = useState(false);
  const find = useFind();
  const earlier = messages.input.slice(0, messages.unchanged_count);
  const added = messages.input.slice(messages.unchanged_count);
  const showEarlier = unfolded || wholeOf.value || find !== "";
  const previous = messages.previous_span;
  return (
    <>
      {earlier.length === 0 ? null : (
        <div class="earlier">
          <button type="button" class="earlier-line" aria-expanded={showEarlier} onClick={() => unfold(!unfolded)}>
            {t("{0}, {1}, unchanged", plural(earlier.length, "earlier message"), formatBytes(sizeOf(earlier)))}
          </button>
          {previous === null ? null : <button type="button" class="link" onClick={() => onSpan(`${previous.trace_id}:${previous.span_id}`)}>{t("previous request")}</button>}
          <kbd>o</kbd>
        </div>
      )}
      {showEarlier ? <div class="earlier-messages">{earlier.map((message, i) => <MessageView key={i} message={message} lines={12} />)}</div> : null}
      {added.length === 0 ? null : <h3 class="part-title">{earlier.length > 0 ? t("new in this request") : t("messages")}</h3>}
      {added.map((message, i) => <MessageView key={i} message={message} />)}
      <h3 class="part-title">{t("completion")}</h3>
      {messages.output.length === 0 ? <p class="note">{t("No completion was recorded.")}</p> : messages.output.map((message, i) => <MessageView key={i} message={message} lines={200} />)}
    </>
  );
}
