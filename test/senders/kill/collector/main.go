// A Collector with what docs/otlp.md names: receives OTLP, batches, and sends it on by HTTP or gRPC. For bench/peers/collector.ts it also
// has a queue on disk, and metrics of spans.
package main

import (
	"context"
	"log"

	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/spanmetricsconnector"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry"
	"go.uber.org/zap"
)

// Logs to standard error, without metrics of its own, whatever the configuration says of them: those need most of the packages that a
// Collector is built of.
func logging() telemetry.Factory {
	logger := func(context.Context, telemetry.LoggerSettings, component.Config) (*zap.Logger, component.ShutdownFunc, error) {
		made, err := zap.NewProduction()
		return made, nil, err
	}
	return telemetry.NewFactory(func() component.Config { return &map[string]any{} }, telemetry.WithCreateLogger(logger))
}

func main() {
	factories := func() (otelcol.Factories, error) {
		receivers, err := otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory())
		if err != nil {
			return otelcol.Factories{}, err
		}
		exporters, err := otelcol.MakeFactoryMap[exporter.Factory](otlphttpexporter.NewFactory(), otlpexporter.NewFactory())
		if err != nil {
			return otelcol.Factories{}, err
		}
		processors, err := otelcol.MakeFactoryMap[processor.Factory](batchprocessor.NewFactory())
		if err != nil {
			return otelcol.Factories{}, err
		}
		extensions, err := otelcol.MakeFactoryMap[extension.Factory](filestorage.NewFactory())
		if err != nil {
			return otelcol.Factories{}, err
		}
		connectors, err := otelcol.MakeFactoryMap[connector.Factory](spanmetricsconnector.NewFactory())
		if err != nil {
			return otelcol.Factories{}, err
		}
		return otelcol.Factories{
			Receivers:  receivers,
			Processors: processors,
			Connectors: connectors,
			Exporters:  exporters,
			Extensions: extensions,
			Telemetry:  logging(),
		}, nil
	}
	settings := otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "otelcol", Version: "0.165.0"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			DefaultScheme:     "file",
			ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()},
		}},
	}
	if err := otelcol.NewCommand(settings).Execute(); err != nil {
		log.Fatal(err)
	}
}
