/** Times questions in the coordinator's own process. */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { attemptsOf, keyOf } from '../support/attempts.ts'
import { quantile } from '../support/statistics.ts'

const KEYS = 10_000
const ATTEMPTS_PER_KEY = 20
/** Measured calls, after as many warm-up calls. With 100 calls, p99 would be the slowest: on a shared machine one that was interrupted. */
const CALLS = { best: 20_000, report: 1000, rates: 500 }

/** The p99 of each question, in milliseconds. */
export interface QuestionTimes {
  readonly best: number
  readonly report: number
  readonly rates: number
}

export async function questions(folder = ''): Promise<QuestionTimes> {
  const tracker = new AgentPerformanceTracker(join(folder, 'in-process.json'))
  for (let at = 0; at < KEYS * ATTEMPTS_PER_KEY; at += 5000) await tracker.recordAttempts(attemptsOf(5000, KEYS, at))
  // Waits for the background document write, which would delay the questions.
  await pause(3000)
  const { issue_type } = keyOf(4711)
  const times = {
    best: await p99(CALLS.best, () => tracker.getBestAgentForIssueType(issue_type)),
    report: await p99(CALLS.report, async () => JSON.stringify(await tracker.generatePerformanceReport())),
    rates: await p99(CALLS.rates, async () => JSON.stringify(await tracker.getSuccessRate())),
  }
  await tracker.close()
  return times
}

async function p99(calls: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let call = -calls; call < calls; call++) {
    const startMs = performance.now()
    await work()
    if (call >= 0) times.push(performance.now() - startMs)
  }
  return quantile(
    times.sort((a, b) => a - b),
    0.99,
  )
}
