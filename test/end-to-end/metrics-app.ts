/**
 * A coordinator that is instrumented and exports nothing but metrics, by the standard environment variables, in the given encoding. It does what standard input says:
 * `fix 3 true` is three attempts that succeed, `export` an export, which it answers with the exporter's code; at the end of the input
 * it ends.
 */
import { createInterface } from 'node:readline'
import { metrics } from '@opentelemetry/api'
import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { recordAttempt } from '../../src/index.ts'

const exporter = process.argv[2] === 'json' ? new JsonExporter() : new ProtobufExporter()

class PulledReader extends MetricReader {
  constructor() {
    super({ aggregationTemporalitySelector: type => exporter.selectAggregationTemporality(type) })
  }
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

const reader = new PulledReader()
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))

for await (const line of createInterface({ input: process.stdin })) {
  const [word, count, success] = line.split(' ')
  if (word === 'fix') {
    for (let n = 0; n < Number(count); n++) {
      recordAttempt({
        agent_name: 'Fixer',
        model_name: 'llama3:8b',
        issue_type: 'bug',
        success: success === 'true',
        confidence: 0.75,
        time_seconds: 0.25,
        input_tokens: 10,
        cost_usd: 0.5,
      })
    }
  } else {
    const { resourceMetrics } = await reader.collect()
    const { code } = await new Promise<{ code: number }>(resolve => exporter.export(resourceMetrics, resolve))
    process.stdout.write(`exported ${code}\n`)
  }
}
