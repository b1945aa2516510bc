/** A store asked directly. */
import { existsSync } from 'node:fs'
import { decidedBestAgent } from '../core/best-agent.ts'
import type { KeyFilter, TimeRange } from '../core/ports.ts'
import { parseRange } from '../core/range.ts'
import { AgentPerformanceTracker, type Question } from '../tracker.ts'
import { CommandError, EXIT } from './exit.ts'
import type { Source } from './source.ts'

const PAGE = 1000

/** Opens a store; to ask, it must be there already. Rejects where a running sidecar has it. */
export async function openLocal(store: string, use: 'ask' | 'record'): Promise<Source> {
  if (use === 'ask' && !isThere(store)) throw new CommandError(EXIT.io, `there is no store at ${store}`)
  const tracker = new AgentPerformanceTracker({ store })
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
    attempts: question =>
      tracker.attempts({ ...namesOf(question), range: rangeOf(question), cursor: question.cursor, limit: PAGE }),
    record: attempts => tracker.keep(attempts),
    close: () => tracker.close(),
  }
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
