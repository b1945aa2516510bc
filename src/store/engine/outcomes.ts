/**
 * Records outcomes in groups: while one group is looked up and becomes durable, further calls wait, and the next group takes them all. No
 * other code of this process appends outcomes, so that only another sidecar can be faster.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { apply, type FoldState, type Outcome, type OutcomeRecord } from '../../core/fold.ts'
import type { FoundAttempt, Log } from '../../core/log.ts'
import { type AppendedOutcomes, type Clock, StoreUnavailable } from '../../core/ports.ts'
import { messageOf } from '../messages.ts'
import { outcomeJson } from '../record-json.ts'
import { encodeOne } from './call.ts'
import type { GroupCommit } from './group-commit.ts'
import { resolveOutcome } from './resolve-outcome.ts'

/** Outcomes that are looked up together. A single call may hold more. */
const LOOKED_UP = 2000
/** Outcomes in one group of the log: some hundred kilobytes, and a few milliseconds of work. */
const MAX_GROUP = 500
/** Outcomes that wait. Beyond that, calls are refused. */
const MAX_PENDING = 100_000

export interface OutcomesOptions {
  readonly commit: Pick<GroupCommit, 'runExclusive' | 'keep' | 'turnRefusal' | 'pending'>
  readonly log: Pick<Log, 'frame' | 'find' | 'leaveOut'>
  readonly state: FoldState
  readonly clock: Clock
  /** See {@link Resolution.order}. */
  readonly order: readonly string[]
}

export interface Outcomes {
  /** See `Store.appendOutcomes`. */
  append(outcomes: readonly Outcome[]): Promise<AppendedOutcomes>
  /** Refuses the calls that wait, and resolves when the current group is done. */
  close(): Promise<void>
}

type Answer = 'accepted' | 'duplicate' | 'unknown'

interface Call {
  readonly outcomes: readonly Outcome[]
  readonly resolve: (appended: AppendedOutcomes) => void
  readonly reject: (error: Error) => void
}

/** One outcome of a group. */
interface Item {
  readonly outcome: Outcome
  answer: Answer | undefined
  /** A revision that this outcome lost to another sidecar. */
  lost: number
}

/** Longer than 60 lines: its functions share the queue and the loop that serves it. */
export function createOutcomes({ commit, log, state, clock, order }: OutcomesOptions): Outcomes {
  const waiting: Call[] = []
  let pending = 0
  let running: Promise<void> | undefined
  let isClosed = false

  function append(outcomes: readonly Outcome[]): Promise<AppendedOutcomes> {
    return new Promise((resolve, reject) => {
      const refused = isClosed ? closed() : commit.turnRefusal()
      if (refused !== undefined) throw refused
      if (pending > 0 && pending + outcomes.length > MAX_PENDING) throw overloaded()
      pending += outcomes.length
      waiting.push({ outcomes, resolve, reject })
      start()
    })
  }

  function start(): void {
    running ??= run().finally(() => {
      running = undefined
      if (waiting.length > 0) start()
    })
  }

  async function run(): Promise<void> {
    // Calls of one turn of the event loop share a group.
    await nextTurn()
    while (waiting.length > 0) {
      const calls = takeCalls()
      try {
        const answers = await record(calls.flatMap(({ outcomes }) => outcomes))
        let from = 0
        for (const { outcomes, resolve } of calls) {
          resolve(countsOf(outcomes, answers.slice(from, from + outcomes.length)))
          from += outcomes.length
        }
      } catch (error) {
        const refused =
          error instanceof StoreUnavailable
            ? error
            : new StoreUnavailable(`outcomes cannot be recorded: ${messageOf(error)}`, { cause: error })
        for (const { reject } of calls) reject(refused)
      } finally {
        for (const { outcomes } of calls) pending -= outcomes.length
      }
    }
  }

  function takeCalls(): Call[] {
    let count = 0
    let size = 0
    for (const { outcomes } of waiting) {
      size += outcomes.length
      if (count > 0 && size > LOOKED_UP) break
      count++
    }
    return waiting.splice(0, count)
  }

  async function record(outcomes: readonly Outcome[]): Promise<readonly Answer[]> {
    const items = outcomes.map((outcome): Item => ({ outcome, answer: undefined, lost: 0 }))
    for (let open = items; open.length > 0; open = open.filter(({ answer }) => answer === undefined)) {
      const refused = isClosed ? closed() : commit.turnRefusal()
      if (refused !== undefined) throw refused
      await recordRound(firstOfEach(open))
    }
    return items.map(({ answer }) => answer!)
  }

  /** Answers each item of different attempts, unless another sidecar was faster. */
  async function recordRound(items: readonly Item[]): Promise<void> {
    const found = await lookUp(items)
    const nowMs = clock()
    const kept: { readonly item: Item; readonly record: OutcomeRecord }[] = []
    for (const item of items) {
      const one = found.get(item.outcome.attempt_id)
      const record = one && resolveOutcome(item.outcome, one, { nowMs, order, above: item.lost })
      if (record === undefined) item.answer = 'unknown'
      else if (record === 'duplicate') item.answer = 'duplicate'
      else kept.push({ item, record })
    }
    for (let from = 0; from < kept.length; from += MAX_GROUP) {
      const some = kept.slice(from, from + MAX_GROUP)
      const counted = await keepRecords(some.map(({ record }) => record))
      for (const [i, { item, record }] of some.entries()) {
        if (counted[i] === true) item.answer = 'accepted'
        else item.lost = record.revision
      }
    }
  }

  /** An attempt that was appended before its outcome may still wait for the log. */
  async function lookUp(items: readonly Item[]): Promise<ReadonlyMap<string, FoundAttempt>> {
    const ids = new Set(items.map(({ outcome }) => outcome.attempt_id))
    const found = await log.find(ids)
    if (found.size === ids.size || commit.pending.attempts === 0) return found
    await commit.runExclusive(async () => undefined)
    const missing = new Set([...ids].filter(id => !found.has(id)))
    return new Map([...found, ...(await log.find(missing))])
  }

  /** Appends one group. Resolves with whether each record counts. */
  async function keepRecords(records: readonly OutcomeRecord[]): Promise<readonly boolean[]> {
    const frame = log.frame(records[0]!)
    const lines = Buffer.concat(records.map(record => encodeOne(frame, outcomeJson(record))))
    let counted: readonly boolean[] = []
    await commit.runExclusive(() =>
      commit.keep(
        { records: lines, attempts: 0, isReset: false },
        {
          fold(position) {
            counted = records.map(record => apply(state, record))
            const repeats = counted.flatMap((isCounted, place) => (isCounted ? [] : [place]))
            if (repeats.length > 0) log.leaveOut(position, repeats)
          },
          records: () => records.filter((_, place) => counted[place]),
        },
      ),
    )
    return counted
  }

  return {
    append,
    async close() {
      isClosed = true
      await running
    },
  }
}

/**
 * One item of each attempt. Two outcomes of an attempt are never in one group: if another sidecar was faster, only the first would be refused,
 * and the second would state what was before the other sidecar's.
 */
function firstOfEach(items: readonly Item[]): Item[] {
  const seen = new Set<string>()
  return items.filter(({ outcome: { attempt_id } }) => !seen.has(attempt_id) && seen.add(attempt_id))
}

function countsOf(outcomes: readonly Outcome[], answers: readonly Answer[]): AppendedOutcomes {
  const count = (wanted: Answer): number => answers.filter(answer => answer === wanted).length
  const unknown = outcomes.filter((_, i) => answers[i] === 'unknown').map(({ attempt_id }) => attempt_id)
  return { accepted: count('accepted'), duplicates: count('duplicate'), unknown }
}

const closed = (): StoreUnavailable => new StoreUnavailable('the store is closed', { reason: 'closed' })

const overloaded = (): StoreUnavailable =>
  new StoreUnavailable('too many outcomes are waiting to be recorded', { reason: 'overloaded', retryAfterSeconds: 1 })
