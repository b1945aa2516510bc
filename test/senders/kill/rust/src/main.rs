//! Sends attempts as log records and as spans until its input ends, and prints how many: main PROTOCOL PREFIX.

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider};
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry::KeyValue;
use opentelemetry_otlp::{LogExporter, SpanExporter};
use opentelemetry_sdk::{logs::SdkLoggerProvider, trace::SdkTracerProvider};
use std::time::{Duration, SystemTime};
use std::{env, io, thread};

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let (protocol, prefix) = (&arguments[1], &arguments[2]);
    // gRPC connects in the runtime in which its exporter was made.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (logs, spans) = if protocol == "grpc" {
        let _entered = runtime.enter();
        (LogExporter::builder().with_tonic().build(), SpanExporter::builder().with_tonic().build())
    } else {
        (LogExporter::builder().with_http().build(), SpanExporter::builder().with_http().build())
    };
    let loggers = SdkLoggerProvider::builder().with_batch_exporter(logs.unwrap()).build();
    let tracers = SdkTracerProvider::builder().with_batch_exporter(spans.unwrap()).build();
    let (logger, tracer) = (loggers.logger("kill"), tracers.tracer("kill"));
    let reading = thread::spawn(|| io::copy(&mut io::stdin(), &mut io::sink()));
    let mut n = 0;
    while !reading.is_finished() {
        let mut record = logger.create_log_record();
        record.set_event_name("agent.attempt");
        record.set_timestamp(SystemTime::now());
        let names = [("agent_name", "log"), ("model_name", "m"), ("issue_type", "i")];
        record.add_attributes(names.map(|(name, value)| (name, AnyValue::from(value))));
        record.add_attribute("success", true);
        record.add_attribute("time_seconds", 1.0);
        record.add_attribute("attempt_id", format!("{prefix}-log-{n:04}"));
        logger.emit(record);
        let mut span = tracer.start("invoke_agent span");
        span.set_attribute(KeyValue::new("gen_ai.operation.name", "invoke_agent"));
        span.set_attribute(KeyValue::new("gen_ai.agent.name", "span"));
        span.set_attribute(KeyValue::new("gen_ai.request.model", "m"));
        span.set_attribute(KeyValue::new("agent.attempt.id", format!("{prefix}-span-{n:04}")));
        span.end();
        n += 1;
        thread::sleep(Duration::from_millis(200));
    }
    println!("{n}");
    let _ = loggers.shutdown();
    let _ = tracers.shutdown();
}
