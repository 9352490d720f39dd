// Sends a short agent run with the OpenTelemetry SDK for JavaScript over OTLP/HTTP with JSON bodies.
//
// agent_run.mjs ENDPOINT SESSION_ID: the run of agent_run.py, and values that this SDK writes in its
// own way: NaN, a lone surrogate, an undefined attribute. What it sends is checked by tests/sdk.rs.

import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'

const [endpoint, sessionId] = process.argv.slice(2)
const resource = resourceFromAttributes({ 'service.name': 'sdk-test-js' })
const traces = new BasicTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }))],
})
const logs = new LoggerProvider({
  resource,
  processors: [new SimpleLogRecordProcessor({ exporter: new OTLPLogExporter({ url: `${endpoint}/v1/logs` }) })],
})
const tracer = traces.getTracer('sdk-test', '1.0.0')
const message = (role, content) => ({ role, parts: [{ type: 'text', content }] })

const agent = tracer.startSpan('invoke_agent tester', {
  attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'tester', 'gen_ai.conversation.id': sessionId },
})
const inAgent = trace.setSpan(context.active(), agent)

function modelRequest(history, answer) {
  tracer
    .startSpan('chat test-model', {
      kind: SpanKind.CLIENT,
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.conversation.id': sessionId,
        'gen_ai.request.model': 'test-model',
        'gen_ai.request.temperature': Number.NaN,
        'gen_ai.usage.input_tokens': 120,
        'gen_ai.usage.output_tokens': 30,
        'gen_ai.input.messages': JSON.stringify(history),
        'gen_ai.output.messages': JSON.stringify([message('assistant', answer)]),
        'test.lone_surrogate': 'before \ud800 after',
        'test.undefined': undefined,
      },
    }, inAgent)
    .end()
}

function toolCall(name, callId, args, result, failed = false) {
  const span = tracer.startSpan(`execute_tool ${name}`, {
    attributes: {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.conversation.id': sessionId,
      'gen_ai.tool.name': name,
      'gen_ai.tool.call.id': callId,
      'gen_ai.tool.call.arguments': JSON.stringify(args),
      'gen_ai.tool.call.result': result,
    },
  }, inAgent)
  if (failed) span.setAttribute('error.type', 'tool_error').setStatus({ code: SpanStatusCode.ERROR, message: 'exit code 1' })
  span.end()
}

const history = [message('user', 'Make the build green. \u65e5\u672c\u8a9e \u{1f980}')]
modelRequest(history, 'I will build it.')
for (let attempt = 0; attempt < 3; attempt++) {
  toolCall('build', `call-${attempt}`, { target: 'all' }, 'error: missing semicolon', true)
}
toolCall('read_log', 'call-3', { path: 'build.log' }, '0123456789'.repeat(20_003) + '\n')
modelRequest([...history, message('assistant', 'I will build it.')], 'The log shows a missing semicolon.')
logs.getLogger('sdk-test').emit({
  eventName: 'test.finished',
  body: { steps: 6, ok: true },
  attributes: { 'gen_ai.conversation.id': sessionId },
  context: inAgent,
})
agent.end()

await traces.forceFlush()
await logs.forceFlush()
await traces.shutdown()
await logs.shutdown()
