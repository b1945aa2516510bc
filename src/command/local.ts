/** A store asked directly. */
import { randomUUID } from 'node:crypto'
import { parseDuration } from '../core/attempt/timestamp.ts'
import type { KeyFilter, TimeRange } from '../core/ports.ts'
import { parseRange } from '../core/reports/range.ts'
import { openStoreToRead } from '../store/open.ts'
import { AgentPerformanceTracker, type SelectionOptions as Question, type TrackerOptions } from '../tracker.ts'
import { CommandError, EXIT, systemCode } from './exit.ts'
import type { Output } from './io.ts'
import type { Source } from './source.ts'
import { printable } from './table.ts'

const PAGE = 1000

export interface LocalOptions {
  /** `ask` opens the store for reading only; it must exist. `record` opens it as its only writer. */
  readonly use: 'ask' | 'record'
  /** A file of prices for what is recorded, beside those that a sidecar knows. */
  readonly prices?: string | undefined
  /** Receives a line for each fault of the store that was found. */
  readonly stderr: Output
}

/** Opens a store. Rejects where there is none to ask, it cannot be read, or, to record, another process has it open. */
export async function openLocal(store: string, options: LocalOptions): Promise<Source> {
  const tracker = options.use === 'ask' ? await openToAsk(store, options.stderr) : await openToRecord(store, options)
  const rangeOf = ({ since, until }: Question): TimeRange | undefined => {
    const range = parseRange({ since, until }, tracker.nowMs)
    if (range !== undefined && 'detail' in range) throw new RangeError(`${range.parameter} ${range.detail}`)
    return range
  }
  return {
    report: question => tracker.generatePerformanceReport(question),
    best: ({ issue_type, ...question }) => tracker.getBestAgentForIssueType(issue_type, question),
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
      tracker.attempts({
        ...namesOf(question),
        range: rangeOf(question),
        cursor: question.cursor,
        limit: PAGE,
        order: 'oldest',
        withIds: true,
      }),
    record: attempts => tracker.keep([...attempts]),
    close: () => tracker.close(),
  }
}

const lengthMs = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseDuration(text)

async function openToAsk(store: string, stderr: Output): Promise<AgentPerformanceTracker> {
  const warn = (message: string): void => {
    stderr.write(`agent-performance: warning: ${printable(message)}\n`)
  }
  const log = { debug() {}, info() {}, warn, error: warn }
  const opened = await openStoreToRead(store, { log }).catch(error => {
    throw unreadable(error)
  })
  return new AgentPerformanceTracker({ store: opened })
}

function unreadable(error: unknown): unknown {
  if (!(error instanceof Error) || !['EACCES', 'EPERM'].includes(systemCode(error) ?? '')) return error
  const message = `${error.message}. Run the command as the user that owns the store, or ask its sidecar with --url instead of --store`
  return new CommandError(EXIT.permission, message, { cause: error })
}

async function openToRecord(store: string, { prices }: LocalOptions): Promise<AgentPerformanceTracker> {
  const tracker = new AgentPerformanceTracker({ store, ...(await pricing(prices)) })
  await tracker.health().catch(error => {
    throw locked(error)
  })
  return tracker
}

function locked(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'StoreLocked') return error
  const message = `${error.message}. If that is a running sidecar, send the attempts to it with --url instead of --store`
  return new CommandError(EXIT.temporary, message, { cause: error })
}

/** Loaded when it is needed: a question needs no prices. */
async function pricing(overrides: string | undefined): Promise<Pick<TrackerOptions, 'price'>> {
  return { price: (await import('../pricing/price.ts')).createPrice({ overrides }) }
}

const namesOf = ({ agent_name, model_name, issue_type }: Question): KeyFilter => ({
  agent_name,
  model_name,
  issue_type,
})
