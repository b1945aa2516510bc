/** The overhead of `trackAttempt` around an empty function. */
import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { trackAttempt } from '../../src/index.ts'
import { median } from '../support/statistics.ts'

const CALLS = 20_000
const ROUNDS = 9
const LABELS = { agent_name: 'agent-1', model_name: 'model-1', issue_type: 'issue-type-1' }

/** Overhead per call in microseconds, compared with a plain await: without an SDK, and with one for metrics and traces. */
export async function tracking(): Promise<{ readonly without: number; readonly registered: number }> {
  const without = await overhead()
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [new PrometheusExporter({ preventServerStart: true })] }))
  trace.setGlobalTracerProvider(new TracerProvider({}))
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  return { without, registered: await overhead() }
}

async function overhead(): Promise<number> {
  const noop = async (): Promise<void> => undefined
  const differences: number[] = []
  for (let round = -2; round < ROUNDS; round++) {
    const plain = await microseconds(() => noop())
    const tracked = await microseconds(() => trackAttempt(LABELS, noop))
    if (round >= 0) differences.push(tracked - plain)
  }
  return median(differences)
}

async function microseconds(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now()
  for (let call = 0; call < CALLS; call++) await work()
  return ((performance.now() - startMs) * 1000) / CALLS
}
