/** A store asked directly. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { decidedBestAgent } from '../core/best-agent.ts'
import type { KeyFilter, TimeRange } from '../core/ports.ts'
import { parseRange } from '../core/range.ts'
import { parseDuration } from '../core/timestamp.ts'
import { AgentPerformanceTracker, type Question, type TrackerOptions } from '../tracker.ts'
import { CommandError, EXIT } from './exit.ts'
import type { Source } from './source.ts'

const PAGE = 1000

/**
 * Opens a store; to ask, it must be there already. What is recorded is priced as a sidecar does it, with the file `prices` where there is
 * one. Rejects where a running sidecar has the store.
 */
export async function openLocal(store: string, use: 'ask' | 'record', prices?: string): Promise<Source> {
  if (use === 'ask' && !isThere(store)) throw new CommandError(EXIT.io, `there is no store at ${store}`)
  const tracker = new AgentPerformanceTracker({ store, ...(use === 'record' && (await pricing(prices))) })
  await tracker.health().catch(error => {
    throw explained(error)
  })
  const rangeOf = ({ since, until }: Question): TimeRange | undefined => {
    const range = parseRange({ since, until }, tracker.nowMs)
    if (range !== undefined && 'detail' in range) throw new RangeError(`${range.parameter} ${range.detail}`)
    return range
  }
  return {
    report: question => tracker.generatePerformanceReport(question),
    best: async question => decidedBestAgent(await tracker.summaries(rangeOf(question), namesOf(question)), question),
    compareModels: ({ minAttempts, ...question }) =>
      tracker.getModelComparison({ ...question, ...(minAttempts !== undefined && { minAttempts }) }),
    fairComparison: ({ by = 'model_name', ...question }) => tracker.getFairComparison(by, question),
    trends: ({ interval, ...question }) => tracker.getTrends({ ...question, intervalMs: lengthMs(interval) }),
    calibration: question => tracker.getCalibration(question),
    costs: question => tracker.getCosts(question),
    experiment: (name, question) => tracker.getExperiment(name, question),
    route: ({ issue_type, explore, seed, maxCostUsd, minSuccessRate, halfLife, ...question }) =>
      tracker.getRoute(issue_type, {
        ...question,
        seed: explore === true ? (seed ?? randomUUID()) : undefined,
        max_cost_usd: maxCostUsd,
        min_success_rate: minSuccessRate,
        halfLifeMs: lengthMs(halfLife),
      }),
    attempts: question =>
      tracker.attempts({ ...namesOf(question), range: rangeOf(question), cursor: question.cursor, limit: PAGE }),
    record: attempts => tracker.keep([...attempts]),
    close: () => tracker.close(),
  }
}

const lengthMs = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseDuration(text)

/** Loaded when it is needed: a question needs no prices. */
async function pricing(overrides: string | undefined): Promise<Pick<TrackerOptions, 'price'>> {
  return { price: (await import('../price.ts')).createPrice({ overrides }) }
}

const namesOf = ({ agent_name, model_name, issue_type }: Question): KeyFilter => ({
  agent_name,
  model_name,
  issue_type,
})

/** Whether there is a document, or a journal that has not made one yet. A database says itself what it lacks. */
function isThere(store: string): boolean {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(store)) return true
  const path = store.replace(/^sqlite:/, '')
  return existsSync(path) || existsSync(`${path.replace(/\.json$/, '')}.journal`)
}

function explained(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'StoreLocked') return error
  const message = `${error.message}. If that is a running sidecar, ask it with --url instead of --store`
  return new CommandError(EXIT.temporary, message, { cause: error })
}
