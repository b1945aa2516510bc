"""Sends attempts as log records and as spans until its input ends, and prints how many: main.py PROTOCOL PREFIX."""

import sys
import threading
import time

PROTOCOL, PREFIX = sys.argv[1:]
if PROTOCOL == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

loggers, tracers = LoggerProvider(), TracerProvider()
loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
logger, tracer = loggers.get_logger("kill"), tracers.get_tracer("kill")
reading = threading.Thread(target=sys.stdin.read, daemon=True)
reading.start()
n = 0
while reading.is_alive():
    names = {"agent_name": "log", "model_name": "m", "issue_type": "i", "success": True, "time_seconds": 1}
    attributes = {**names, "attempt_id": f"{PREFIX}-log-{n:04}"}
    logger.emit(LogRecord(timestamp=time.time_ns(), event_name="agent.attempt", attributes=attributes))
    span = tracer.start_span("invoke_agent span")
    span.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "span"})
    span.set_attributes({"gen_ai.request.model": "m", "agent.attempt.id": f"{PREFIX}-span-{n:04}"})
    span.end()
    n += 1
    time.sleep(0.2)
print(n, flush=True)
loggers.shutdown()
tracers.shutdown()
