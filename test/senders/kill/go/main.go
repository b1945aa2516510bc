// Sends attempts as log records and as spans until its input ends, and prints how many: main PROTOCOL PREFIX.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
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
	var ended atomic.Bool
	go func() {
		io.Copy(io.Discard, os.Stdin)
		ended.Store(true)
	}()
	logs, spans := exporters(ctx, os.Args[1])
	loggers := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(logs)))
	tracers := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	logger, tracer := loggers.Logger("kill"), tracers.Tracer("kill")
	n := 0
	for ; !ended.Load(); n++ {
		id := fmt.Sprintf("%s-log-%04d", os.Args[2], n)
		var record log.Record
		record.SetEventName("agent.attempt")
		record.SetTimestamp(time.Now())
		record.AddAttributes(attribute.String("agent_name", "log"), attribute.String("model_name", "m"), attribute.String("issue_type", "i"),
			attribute.Bool("success", true), attribute.Float64("time_seconds", 1), attribute.String("attempt_id", id))
		logger.Emit(ctx, record)
		_, span := tracer.Start(ctx, "invoke_agent span")
		span.SetAttributes(attribute.String("gen_ai.operation.name", "invoke_agent"), attribute.String("gen_ai.agent.name", "span"),
			attribute.String("gen_ai.request.model", "m"), attribute.String("agent.attempt.id", fmt.Sprintf("%s-span-%04d", os.Args[2], n)))
		span.End()
		time.Sleep(200 * time.Millisecond)
	}
	fmt.Println(n)
	loggers.Shutdown(ctx)
	tracers.Shutdown(ctx)
}
