"""Sends a short agent run with the OpenTelemetry SDK for Python over OTLP/gRPC.

agent_run.py ENDPOINT SESSION_ID: two model requests around three identical failing tool calls and
one large one, in the words of the GenAI semantic conventions. What it sends is checked by tests/sdk.rs.
"""

import json
import sys

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

endpoint, session_id = sys.argv[1:]
exporter = OTLPSpanExporter(endpoint=endpoint, insecure=True)
provider = TracerProvider(resource=Resource.create({"service.name": "sdk-test-python"}))
provider.add_span_processor(BatchSpanProcessor(exporter))
tracer = provider.get_tracer("sdk-test", "1.0.0")


def message(role, text):
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def model_request(history, answer):
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.conversation.id": session_id,
        "gen_ai.request.model": "test-model",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.input.messages": json.dumps(history),
        "gen_ai.output.messages": json.dumps([message("assistant", answer)]),
    }
    with tracer.start_as_current_span("chat test-model", kind=SpanKind.CLIENT, attributes=attributes):
        pass


def tool_call(name, call_id, arguments, result, failed=False):
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.conversation.id": session_id,
        "gen_ai.tool.name": name,
        "gen_ai.tool.call.id": call_id,
        "gen_ai.tool.call.arguments": json.dumps(arguments),
        "gen_ai.tool.call.result": result,
    }
    with tracer.start_as_current_span(f"execute_tool {name}", attributes=attributes) as span:
        if failed:
            span.set_attribute("error.type", "tool_error")
            span.set_status(Status(StatusCode.ERROR, "exit code 1"))


agent = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "tester",
    "gen_ai.conversation.id": session_id,
}
with tracer.start_as_current_span("invoke_agent tester", attributes=agent):
    history = [message("user", "Make the build green. \u65e5\u672c\u8a9e \U0001f980")]
    model_request(history, "I will build it.")
    for attempt in range(3):
        tool_call("build", f"call-{attempt}", {"target": "all"}, "error: missing semicolon", failed=True)
    tool_call("read_log", "call-3", {"path": "build.log"}, "0123456789" * 20_003 + "\n")
    model_request(history + [message("assistant", "I will build it.")], "The log shows a missing semicolon.")

flushed = provider.force_flush(10_000)
provider.shutdown()
sys.exit(0 if flushed else 1)
