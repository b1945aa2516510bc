"""A tracer provider that sends spans to OTEL_EXPORTER_OTLP_ENDPOINT, in one batch at its end."""

import atexit

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def exporting():
    return BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=60_000)


def provider():
    made = TracerProvider()
    made.add_span_processor(exporting())
    trace.set_tracer_provider(made)
    atexit.register(made.shutdown)
    return made
