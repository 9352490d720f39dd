// An agent whose acts are sent over OTLP while a test runs.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { OTLP_HTTP } from "./helper.mjs";

const attribute = (key, value) => ({ key, value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value } });
const MS = 1_000_000n;

/** An agent that sends its run span by span, each as it ends; the turn's own span comes last. */
export function agent(name, session) {
  const traceId = randomBytes(16).toString("hex");
  const root = randomBytes(8).toString("hex");
  const begun = BigInt(Date.now()) * MS;
  let at = begun;
  const post = async (span) => {
    const common = [attribute("gen_ai.conversation.id", session), attribute("gen_ai.agent.name", name)];
    const body = { resourceSpans: [{ resource: { attributes: [attribute("service.name", name)] }, scopeSpans: [{ scope: { name: "flow" }, spans: [{ traceId, kind: 1, ...span, attributes: [...common, ...span.attributes] }] }] }] };
    const response = await fetch(`http://${OTLP_HTTP}/v1/traces`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    assert.equal(response.status, 200, await response.text());
  };
  const act = async (span, lasts) => {
    const from = at;
    at += lasts;
    await post({ spanId: randomBytes(8).toString("hex"), parentSpanId: root, startTimeUnixNano: String(from), endTimeUnixNano: String(at), ...span });
    at += 5n * MS;
  };
  return {
    model: (output) => act({
      name: "chat flow-model",
      attributes: [attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.provider.name", "openai"), attribute("gen_ai.request.model", "flow-model"), attribute("gen_ai.usage.input_tokens", 1200), attribute("gen_ai.usage.output_tokens", 40), attribute("gen_ai.output.messages", JSON.stringify([{ role: "assistant", parts: [{ type: "text", content: output }] }]))],
    }, 180n * MS),
    tool: (tool, input, result, failed = false) => act({
      name: `execute_tool ${tool}`,
      attributes: [attribute("gen_ai.operation.name", "execute_tool"), attribute("gen_ai.tool.name", tool), attribute("gen_ai.tool.call.id", `call-${randomBytes(6).toString("hex")}`), attribute("gen_ai.tool.call.arguments", JSON.stringify(input)), attribute("gen_ai.tool.call.result", result)],
      status: failed ? { code: 2, message: "exit code 1" } : {},
    }, 60n * MS),
    end: (prompt) => post({
      spanId: root, name: `invoke_agent ${name}`, startTimeUnixNano: String(begun), endTimeUnixNano: String(at),
      attributes: [attribute("gen_ai.operation.name", "invoke_agent"), attribute("gen_ai.input.messages", JSON.stringify([{ role: "user", parts: [{ type: "text", content: prompt }] }]))],
    }),
  };
}
