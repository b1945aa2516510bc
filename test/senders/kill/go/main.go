// Sends attempts as log records and as spans, at a steady rate: main PROTOCOL COUNT PREFIX. The endpoint is in the environment.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func exporters(ctx context.Context, protocol string) (sdklog.Exporter, sdktrace.SpanExporter) {
	if protocol == "grpc" {
		return must(otlploggrpc.New(ctx)), must(otlptracegrpc.New(ctx))
	}
	return must(otlploghttp.New(ctx)), must(otlptracehttp.New(ctx))
}

func main() {
	ctx := context.Background()
	count := must(strconv.Atoi(os.Args[2]))
	logs, spans := exporters(ctx, os.Args[1])
	loggers := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(logs)))
	tracers := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	logger, tracer := loggers.Logger("kill"), tracers.Tracer("kill")
	for n := range count {
		id := fmt.Sprintf("%s-log-%04d", os.Args[3], n)
		var record log.Record
		record.SetEventName("agent.attempt")
		record.SetTimestamp(time.Now())
		record.AddAttributes(log.String("agent_name", "log"), log.String("model_name", "m"), log.String("issue_type", "i"),
			log.Bool("success", true), log.Float64("time_seconds", 1), log.String("attempt_id", id))
		logger.Emit(ctx, record)
		_, span := tracer.Start(ctx, "invoke_agent span")
		span.SetAttributes(attribute.String("gen_ai.operation.name", "invoke_agent"), attribute.String("gen_ai.agent.name", "span"),
			attribute.String("gen_ai.request.model", "m"), attribute.String("agent.attempt.id", fmt.Sprintf("%s-span-%04d", os.Args[3], n)))
		span.End()
		time.Sleep(200 * time.Millisecond)
	}
	loggers.Shutdown(ctx)
	tracers.Shutdown(ctx)
}
