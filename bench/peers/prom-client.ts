/** A prom-client registry with the counters and histograms of enough keys for a number of lines. */
import { Counter, Histogram, Registry } from 'prom-client'
import { CONFIDENCE_BOUNDS, DURATION_BOUNDS } from '../../src/core/aggregate/histogram-bounds.ts'
import { attemptOf } from '../support/attempts.ts'

const LABELS = ['agent_name', 'model_name', 'issue_type', 'result'] as const
const ATTEMPTS = 20

/** A registry whose text has about `lines` lines, and the exact number of its lines. */
export async function promClientRegistry(lines: number): Promise<{ text(): Promise<string>; lines: number }> {
  const registry = new Registry()
  const common = { labelNames: LABELS, registers: [registry] }
  const attempts = new Counter({ name: 'agent_attempts_total', help: 'Attempts.', ...common })
  const confidence = new Histogram({
    name: 'agent_attempt_confidence',
    help: 'Stated confidence.',
    buckets: [...CONFIDENCE_BOUNDS],
    ...common,
  })
  const duration = new Histogram({
    name: 'agent_attempt_duration_seconds',
    help: 'Seconds.',
    buckets: [...DURATION_BOUNDS],
    ...common,
  })
  const seriesLines = 1 + CONFIDENCE_BOUNDS.length + 3 + DURATION_BOUNDS.length + 3
  for (let key = 0; key < lines / seriesLines / 2; key++) {
    for (let n = 0; n < ATTEMPTS; n++) {
      const { agent_name, model_name, issue_type, confidence: stated, time_seconds } = attemptOf(key)
      const labels = { agent_name, model_name, issue_type, result: n % 2 === 0 ? 'success' : 'failure' }
      attempts.inc(labels)
      confidence.observe(labels, stated ?? 0)
      duration.observe(labels, time_seconds)
    }
  }
  const text = (): Promise<string> => registry.metrics()
  return { text, lines: (await text()).split('\n').length - 1 }
}
