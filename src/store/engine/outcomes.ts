/**
 * Records outcomes in rounds: while one round is looked up and becomes durable, further calls wait, and the next round takes one outcome of
 * each attempt. No other code of this process appends outcomes, so that only another sidecar can be faster.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { apply, type FoldState, type Outcome, type OutcomeRecord } from '../../core/fold.ts'
import type { FoundAttempt, Log } from '../../core/log.ts'
import { type AppendedOutcomes, StoreUnavailable } from '../../core/ports.ts'
import { messageOf } from '../messages.ts'
import { outcomeJson } from '../record-json.ts'
import { encodeAll } from './call.ts'
import type { GroupCommit } from './group-commit.ts'
import { resolveOutcome } from './resolve-outcome.ts'

/** Outcomes that are looked up together, and recorded as one group of the log: some hundred kilobytes, and a few milliseconds of work. */
const MAX_ROUND = 250
/** Holds a group of outcomes without long notes. */
const GROUP_BYTES = 2 * 1024 * 1024
/** Outcomes that wait. Beyond that, calls are refused. */
const MAX_PENDING = 100_000

export interface OutcomesOptions {
  readonly commit: Pick<GroupCommit, 'now' | 'runExclusive' | 'keep' | 'turnRefusal' | 'pending'>
  readonly log: Pick<Log, 'frame' | 'find' | 'leaveOut'>
  readonly state: FoldState
  /** See {@link Resolution.order}. */
  readonly order: readonly string[]
}

export interface Outcomes {
  /** See `Store.appendOutcomes`. */
  append(outcomes: readonly Outcome[]): Promise<AppendedOutcomes>
  /** Refuses the calls that wait, and resolves when the current round is done. */
  close(): Promise<void>
}

type Answer = 'accepted' | 'duplicate' | 'unknown'

interface Call {
  readonly outcomes: readonly Outcome[]
  /** By the places of the outcomes. */
  readonly answers: (Answer | undefined)[]
  /** Outcomes without an answer. */
  open: number
  isRefused: boolean
  readonly resolve: (appended: AppendedOutcomes) => void
  readonly reject: (error: Error) => void
}

/** One outcome of a call. */
interface Item {
  readonly outcome: Outcome
  readonly call: Call
  readonly place: number
  answer: Answer | undefined
  /** A revision that this outcome lost to another sidecar. */
  lost: number
}

/** Longer than 60 lines: its functions share the queue and the loop that serves it. */
export function createOutcomes({ commit, log, state, order }: OutcomesOptions): Outcomes {
  /** Those of each attempt in the order of their calls. The attempts take turns, so that many outcomes of one delay no other. */
  const waiting = new Map<string, Item[]>()
  let pending = 0
  let running: Promise<void> | undefined
  let isClosed = false
  /** Groups are recorded one after the other. A new buffer for each would make garbage of a megabyte. */
  let encoded: Buffer | undefined

  function refusal(): StoreUnavailable | undefined {
    const refused = isClosed ? closed() : commit.turnRefusal()
    return refused && explained(refused)
  }

  function append(outcomes: readonly Outcome[]): Promise<AppendedOutcomes> {
    return new Promise((resolve, reject) => {
      const refused = refusal()
      if (refused !== undefined) throw refused
      if (outcomes.length === 0) return resolve({ accepted: 0, duplicates: 0, unknown: [] })
      if (pending > 0 && pending + outcomes.length > MAX_PENDING) throw overloaded()
      enqueue({ outcomes, answers: [], open: outcomes.length, isRefused: false, resolve, reject })
      start()
    })
  }

  function enqueue(call: Call): void {
    pending += call.outcomes.length
    for (const [place, outcome] of call.outcomes.entries()) {
      const item = { outcome, call, place, answer: undefined, lost: 0 }
      const others = waiting.get(outcome.attempt_id)
      if (others === undefined) waiting.set(outcome.attempt_id, [item])
      else others.push(item)
    }
  }

  function start(): void {
    running ??= run().finally(() => {
      running = undefined
      if (waiting.size > 0) start()
    })
  }

  async function run(): Promise<void> {
    // Calls of one turn of the event loop share a group.
    await nextTurn()
    while (waiting.size > 0) {
      const items = firstOfEach()
      try {
        const refused = refusal()
        if (refused !== undefined) throw refused
        await recordRound(items)
        for (const item of items) if (item.answer !== undefined) resolveItem(item, item.answer)
      } catch (error) {
        refuse(items, error)
      }
    }
  }

  /**
   * One outcome of each attempt. Two outcomes of an attempt are never in one group: if another sidecar was faster, only the first would be
   * refused, and the second would state what was before the other sidecar's.
   */
  function firstOfEach(): Item[] {
    const items: Item[] = []
    for (const [id, own] of waiting) {
      while (own[0]?.call.isRefused === true) own.shift()
      if (own[0] === undefined) waiting.delete(id)
      else items.push(own[0])
      if (items.length === MAX_ROUND) break
    }
    return items
  }

  function resolveItem({ call, place, outcome: { attempt_id } }: Item, answer: Answer): void {
    const own = waiting.get(attempt_id)!
    waiting.delete(attempt_id)
    if (own.length > 1) {
      own.shift()
      // Behind the others, so that the attempts take turns.
      waiting.set(attempt_id, own)
    }
    call.answers[place] = answer
    if (--call.open > 0) return
    pending -= call.outcomes.length
    call.resolve(countsOf(call.outcomes, call.answers))
  }

  /** Refuses the calls of a round. Their other outcomes are not recorded any more. */
  function refuse(items: readonly Item[], error: unknown): void {
    const refused = explained(error)
    for (const { call } of items) {
      if (call.isRefused) continue
      call.isRefused = true
      pending -= call.outcomes.length
      call.reject(refused)
    }
  }

  /** Answers each item of different attempts, unless another sidecar was faster. */
  async function recordRound(items: readonly Item[]): Promise<void> {
    const found = await lookUp(items)
    const times = commit.now()
    const kept: { readonly item: Item; readonly record: OutcomeRecord }[] = []
    for (const item of items) {
      const one = found.get(item.outcome.attempt_id)
      const record = one && resolveOutcome(item.outcome, one, { ...times, order, above: item.lost })
      if (record === undefined) item.answer = 'unknown'
      else if (record === 'duplicate') item.answer = 'duplicate'
      else kept.push({ item, record })
    }
    if (kept.length === 0) return
    const counted = await keepRecords(kept.map(({ record }) => record))
    for (const [i, { item, record }] of kept.entries()) {
      if (counted[i] === true) item.answer = 'accepted'
      else item.lost = record.revision
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
    const texts = records.map(outcomeJson)
    let counted: readonly boolean[] = []
    await commit.runExclusive(() => {
      // Not before its turn: the log may still retry an earlier group, whose call was given up.
      encoded ??= Buffer.allocUnsafeSlow(GROUP_BYTES)
      return commit.keep(
        { records: encodeAll(frame, texts, encoded), attempts: 0, isReset: false },
        {
          fold(position) {
            counted = records.map(record => apply(state, record))
            const repeats = counted.flatMap((isCounted, place) => (isCounted ? [] : [place]))
            if (repeats.length > 0) log.leaveOut(position, repeats)
          },
          records: () => records.filter((_, place) => counted[place]),
        },
      )
    })
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

function countsOf(outcomes: readonly Outcome[], answers: Call['answers']): AppendedOutcomes {
  const count = (wanted: Answer): number => answers.reduce((sum, answer) => sum + Number(answer === wanted), 0)
  const unknown = outcomes.flatMap(({ attempt_id }, i) => (answers[i] === 'unknown' ? [attempt_id] : []))
  return { accepted: count('accepted'), duplicates: count('duplicate'), unknown }
}

/** Names outcomes: the reason is often one that holds for attempts, which may be accepted at the same time. */
function explained(error: unknown): StoreUnavailable {
  if (error instanceof StoreUnavailable && error.reason !== 'failing') return error
  const { retryAfterSeconds } = error instanceof StoreUnavailable ? error : { retryAfterSeconds: undefined }
  const detail = messageOf(error).replace(/^(attempts|outcomes) cannot be (kept|recorded[^:]*): /, '')
  return new StoreUnavailable(`outcomes cannot be recorded now, send them again: ${detail}`, {
    cause: error,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  })
}

const closed = (): StoreUnavailable => new StoreUnavailable('the store is closed', { reason: 'closed' })

const overloaded = (): StoreUnavailable =>
  new StoreUnavailable('too many outcomes are waiting to be recorded', { reason: 'overloaded', retryAfterSeconds: 1 })
