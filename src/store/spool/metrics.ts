/** The self-metrics of the spool. A store without a spool has none of them. */
import type { StoreMetric, StoreMetricValues } from '../../core/store-metrics.ts'
import type { Spool } from '../engine/spool.ts'

const BYTES = 'agent_performance_spool_bytes'
const LIMIT = 'agent_performance_spool_limit_bytes'
const ATTEMPTS = 'agent_performance_spool_attempts'
const AGE = 'agent_performance_spool_oldest_age_seconds'

export const SPOOL_METRICS: readonly StoreMetric[] = [
  {
    name: BYTES,
    type: 'gauge',
    unit: 'By',
    help: 'Size of the spool, which holds attempts while the server of the store is away.',
    labels: [],
  },
  {
    name: LIMIT,
    type: 'gauge',
    unit: 'By',
    help: 'Maximum size of the spool. Beyond it, attempts are refused while the server of the store is away.',
    labels: [],
  },
  {
    name: ATTEMPTS,
    type: 'gauge',
    unit: '{attempt}',
    help: 'Attempts in the spool. No answer includes them yet.',
    labels: [],
  },
  {
    name: AGE,
    type: 'gauge',
    unit: 's',
    help: 'Age of the oldest attempts in the spool. 0 if it is empty.',
    labels: [],
  },
]

/** The values at a time in milliseconds since the epoch. Empty without a spool. */
export function spoolMetrics(spool: Pick<Spool, 'stats' | 'maxBytes'> | undefined, nowMs: number): StoreMetricValues {
  if (spool === undefined) return new Map()
  const { bytes, attempts, oldestMs } = spool.stats
  const ageSeconds = oldestMs === undefined ? 0 : Math.max(0, nowMs - oldestMs) / 1000
  return new Map([
    [BYTES, bytes],
    [LIMIT, spool.maxBytes],
    [ATTEMPTS, attempts],
    [AGE, ageSeconds],
  ])
}
