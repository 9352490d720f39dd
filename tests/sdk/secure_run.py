"""Sends one span with the OpenTelemetry SDK for Python, over TLS and with a token.

secure_run.py ENDPOINT SESSION_ID: where to trust and what to show is said by the variables of the SDK
(OTEL_EXPORTER_OTLP_CERTIFICATE, OTEL_EXPORTER_OTLP_HEADERS). Ends with 1 when the span is not taken.
"""

import sys

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

endpoint, session_id = sys.argv[1:]


class Noting(SpanExporter):
    """Remembers how each export ended, which the SDK only logs."""

    def __init__(self, inner):
        self.inner = inner
        self.results = []

    def export(self, spans):
        self.results.append(self.inner.export(spans))
        return self.results[-1]

    def shutdown(self):
        self.inner.shutdown()


exporter = Noting(OTLPSpanExporter(endpoint=endpoint, timeout=5))
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "tester", "gen_ai.conversation.id": session_id}
with provider.get_tracer("sdk-test").start_as_current_span("invoke_agent tester", attributes=attributes):
    pass
provider.shutdown()
sys.exit(0 if exporter.results == [SpanExportResult.SUCCESS] else 1)
