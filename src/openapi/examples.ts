/** What each question answers of forty attempts: the very functions that answer it make the examples, so that none can be wrong. */

import { printDocument } from '../core/aggregate/metrics.ts'
import { createTally, type Tally, total } from '../core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../core/aggregate/time-tiers.ts'
import type { AgentAttempt } from '../core/attempt/attempt.ts'
import { parseTimestamp, printTimestamp } from '../core/attempt/timestamp.ts'
import type { AttemptPage, KeySummary } from '../core/ports.ts'
import { decidedBestAgent } from '../core/reports/best-agent.ts'
import { calibrationReport } from '../core/reports/calibration-report.ts'
import { costReport } from '../core/reports/cost-report.ts'
import { experimentReport } from '../core/reports/experiment-report.ts'
import { fairReport } from '../core/reports/fair-report.ts'
import { groupedRates } from '../core/reports/grouped-rates.ts'
import { countsOf } from '../core/reports/groups.ts'
import { modelComparison } from '../core/reports/model-comparison.ts'
import { performanceReport } from '../core/reports/report.ts'
import { routingReport } from '../core/reports/routing.ts'
import { intervalsOf, trendReport } from '../core/reports/trends.ts'

const MINUTE_MS = 60_000
const NOW = '2026-01-31T12:00:00.000Z'
const NOW_MS = parseTimestamp(NOW)!.ms

const KEYS = [
  { agent_name: 'RefactoringAgent', model_name: 'claude-sonnet-4', issue_type: 'complexity' },
  { agent_name: 'ArchitectAgent', model_name: 'gpt-5', issue_type: 'complexity' },
] as const

/** Two agents in turn over two hours: 17 and 12 of 20 succeed; each tries both variants of an experiment. */
const ATTEMPTS: readonly AgentAttempt[] = Array.from({ length: 40 }, (_, i) => ({
  timestamp: printTimestamp({ ms: NOW_MS - (40 - i) * 3 * MINUTE_MS, local: false }),
  ...KEYS[i % 2]!,
  success: i % 2 === 0 ? i % 12 !== 6 : i % 5 < 3,
  confidence: i % 2 === 0 ? 0.85 : 0.7,
  time_seconds: i % 2 === 0 ? 2.5 : 4,
  cost_usd: i % 2 === 0 ? 0.02 : 0.03,
  experiment: 'prompt',
  variant: i % 4 < 2 ? 'short' : 'long',
}))

/** The answers by the path of the question. */
export function exampleAnswers(): Readonly<Record<string, unknown>> {
  const tally = createTally({ maxKeys: 10, maxArms: 10, tiers: DEFAULT_TIERS })
  for (const attempt of ATTEMPTS) tally.add(attempt, parseTimestamp(attempt.timestamp)!, NOW_MS)
  const summaries = tally.keys()
  return {
    '/api/v1/success-rate': groupedRates(summaries, 'key'),
    '/api/v1/best-agent': decidedBestAgent(summaries),
    '/api/v1/model-comparison': modelComparison(summaries),
    '/api/v1/fair-comparison': fairReport(summaries, 'model_name'),
    '/api/v1/trends': trends(tally),
    '/api/v1/calibration': calibrationReport(summaries, 'agent_name'),
    '/api/v1/costs': costReport(summaries),
    '/api/v1/experiments/{name}': experimentReport('prompt', tally.arms('prompt')),
    '/api/v1/route': routingReport('complexity', summaries.map(evidenceOf)),
    '/api/v1/report': performanceReport(summaries, NOW),
    '/api/v1/metrics': JSON.parse([...printDocument(summaries, NOW)].join('')),
    '/api/v1/attempts': { attempts: ATTEMPTS.toReversed().slice(0, 2), next_cursor: null } satisfies AttemptPage,
  }
}

const evidenceOf = (one: KeySummary) => ({ one, ...countsOf(one.summary) })

function trends(tally: Tally): unknown {
  const summaries = tally.keys()
  const intervals = intervalsOf(undefined, summaries, NOW_MS, 60 * MINUTE_MS)
  const counts = intervals.map(interval => countsOf(total([...tally.ranged(interval, {}, NOW_MS)])))
  return trendReport(intervals, counts, summaries, summaries)
}
