/** Attempts and outcomes in any order lead to the counts of the final facts, to the last digit. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDedupWindow } from '../../../src/core/aggregate/dedup-window.ts'
import { savedOlder } from '../../../src/core/aggregate/older-outcomes.ts'
import { pendingAttempts, verifiedCounts } from '../../../src/core/aggregate/outcome-counts.ts'
import { OUTCOME_VIEWS, type OutcomeView, viewOf } from '../../../src/core/aggregate/outcomes.ts'
import { forEachOutcome, recentResults } from '../../../src/core/aggregate/recent.ts'
import { createSeries } from '../../../src/core/aggregate/series.ts'
import {
  addAttempt,
  confidences,
  copyRow,
  createSummary,
  durations,
  failures,
  type Summary,
  successes,
  totalAttempts,
  undoCorrections,
} from '../../../src/core/aggregate/summary.ts'
import { createTally, OVERFLOW_KEY, type Tally } from '../../../src/core/aggregate/tally.ts'
import { copyTasks } from '../../../src/core/aggregate/task-sketch.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import { createAlertsState } from '../../../src/core/alerts/lifecycle.ts'
import { type AgentAttempt, type AttemptKey, keyId } from '../../../src/core/attempt/attempt.ts'
import { printTimestamp } from '../../../src/core/attempt/timestamp.ts'
import { apply, decisionOf, type FoldState, type OutcomeRecord } from '../../../src/core/fold.ts'
import { RangeNotHeld } from '../../../src/core/ports.ts'
import { driftSteps } from '../../../src/core/reports/drift-report.ts'
import { runToCompletion } from '../../../src/core/steps.ts'
import { decodeState } from '../../../src/store/snapshot/decode.ts'
import { encodeState } from '../../../src/store/snapshot/encode.ts'
import { acceptedAttempts, NOW_MS } from '../arbitraries.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

/** An attempt, and its outcomes in order. */
interface Fact {
  readonly attempt: AgentAttempt
  readonly ms: number
  readonly outcomes: readonly boolean[]
}

/** What happens: an attempt is recorded, an outcome of it, or a snapshot is restored. */
type Step = { readonly nowMs: number } & (
  | { readonly fact: Fact; readonly revision: number }
  | { readonly fact?: undefined }
)

const [AGENTS, ISSUES] = [
  ['a', 'b', '__proto__'],
  ['i', 'j'],
]

const facts = fc
  .array(
    fc.record({
      attempt: acceptedAttempts,
      agent: fc.constantFrom(...AGENTS!),
      issue: fc.constantFrom(...ISSUES!),
      isPending: fc.boolean(),
      age: fc.oneof(fc.nat(90), fc.nat(40 * 60), fc.nat(120 * 24 * 60)),
      outcomes: fc.array(fc.boolean(), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 40, size: 'max' },
  )
  .map(list =>
    list.map(({ attempt, agent, issue, isPending, age, outcomes }, i): Fact => {
      // Every attempt has a time of its own, by which the recent attempts tell it from others.
      const ms = NOW_MS - age * MINUTE_MS + i
      const names = { agent_name: agent!, model_name: 'm', issue_type: issue!, attempt_id: `id ${i}` }
      const { success, ...rest } = { ...attempt, ...names, timestamp: printTimestamp({ ms, local: false }) }
      return { attempt: isPending ? rest : { ...rest, success }, ms, outcomes }
    }),
  )

/** The steps of facts in an order that `order` decides. An outcome follows its attempt, and the outcome before it. */
function stepsOf(list: readonly Fact[], order: readonly number[], waits: readonly number[]): Step[] {
  const ready = list.map(fact => ({ fact, revision: 0 }))
  const steps: Step[] = []
  let nowMs = NOW_MS
  for (let i = 0; ready.length > 0; i++) {
    nowMs += (waits[i % waits.length] ?? 0) * MINUTE_MS
    const place = (order[i % order.length] ?? 0) % ready.length
    const { fact, revision } = ready[place]!
    steps.push({ nowMs, fact, revision })
    if ((order[i % order.length] ?? 0) % 17 === 0) steps.push({ nowMs })
    if (revision === fact.outcomes.length) ready.splice(place, 1)
    else ready[place] = { fact, revision: revision + 1 }
  }
  return steps
}

const ids = { limit: 10_000, keepMs: 1e12, seed: [1, 2] as const }
const newSeries = () => createSeries({ limit: 10, keepMs: 1000 })

function newState(maxKeys: number, tiers = DEFAULT_TIERS): FoldState {
  const tally = createTally({ maxKeys, maxArms: 3, tiers })
  return { tally, series: newSeries(), alerts: createAlertsState(), ids: createDedupWindow(ids) }
}

function restored({ tally, ids: window, series }: FoldState): FoldState {
  const fresh = newState(tally.currentLimits.maxKeys)
  const decoder = decodeState(fresh.tally, fresh.series, ids)
  decoder.next()
  let last: IteratorResult<void, { readonly ids: FoldState['ids'] }> | undefined
  for (const block of encodeState({ tally, ids: window, series })) if (block) last = decoder.next(block)
  if (last?.done !== true) throw new Error('the snapshot ends too early')
  fresh.ids = last.value.ids
  return fresh
}

function outcomeRecord({ attempt, ms, outcomes }: Fact, revision: number, nowMs: number): OutcomeRecord {
  const statement = (success: boolean | undefined) => ({ success: success!, source: 'ci' })
  const success = outcomes[revision - 1]!
  return {
    kind: 'outcome',
    nowMs,
    idMs: nowMs,
    outcome: { attempt_id: attempt.attempt_id!, success, source: 'ci' },
    revision,
    attempt,
    at: { ms, local: false },
    ...(revision > 1 && { before: statement(outcomes[revision - 2]) }),
    standing: [{ ...statement(success), atMs: nowMs }],
    counts: statement(success),
  }
}

function foldSteps(steps: readonly Step[], maxKeys: number, tiers = DEFAULT_TIERS): FoldState {
  let state = newState(maxKeys, tiers)
  for (const { nowMs, ...step } of steps) {
    if (step.fact === undefined) state = restored(state)
    else if (step.revision > 0) {
      const record = outcomeRecord(step.fact, step.revision, nowMs)
      expect(apply(state, record)).toBe(true)
      expect(apply(state, record)).toBe(false)
    } else {
      const { attempt, ms } = step.fact
      apply(state, { kind: 'attempt', nowMs, idMs: nowMs, attempt, at: { ms, local: false } })
    }
  }
  return state
}

/** The result of a fact in a view. Undefined if it does not count there. */
function resultIn({ attempt, outcomes }: Fact, view: OutcomeView): boolean | undefined {
  if (view === 'reported') return attempt.success
  return outcomes.at(-1) ?? (view === 'latest' ? attempt.success : undefined)
}

function counted(list: readonly Fact[], resultOf: (fact: Fact) => boolean | undefined): Summary {
  const summary = createSummary()
  for (const fact of list) {
    const success = resultOf(fact)
    if (success !== undefined) addAttempt(summary, { ...fact.attempt, success }, fact.ms)
  }
  return summary
}

const numbersOf = (summary: Summary): unknown => [...summary, summary.tasks && copyTasks(summary.tasks)]

/** Numbers of the views that have attempts. */
function viewsOf(summary: Summary): unknown {
  return OUTCOME_VIEWS.map(view => {
    const viewed = viewOf(summary, view)
    return viewed === undefined || totalAttempts(viewed) === 0 ? null : numbersOf(viewed)
  })
}

function expectedViews(list: readonly Fact[]): unknown {
  return OUTCOME_VIEWS.map(view => {
    const summary = counted(list, fact => resultIn(fact, view))
    return totalAttempts(summary) === 0 ? null : numbersOf(summary)
  })
}

/** The facts of each key, in the order in which keys were recorded first. Beyond `maxKeys`, those of the overflow key. */
function byKey(steps: readonly Step[], maxKeys: number): Map<string, Fact[]> {
  const keys = new Map<string, Fact[]>()
  for (const { fact, ...step } of steps) {
    if (fact === undefined || ('revision' in step && step.revision !== 0)) continue
    const own = keyId(fact.attempt)
    const distinct = keys.size - (keys.has(keyId(OVERFLOW_KEY)) ? 1 : 0)
    const key = keys.has(own) || distinct < maxKeys ? own : keyId(OVERFLOW_KEY)
    keys.set(key, [...(keys.get(key) ?? []), fact])
  }
  return keys
}

const allKeys = (tally: Tally) => [...tally.keys(), ...tally.hiddenKeys()]
const idOf = ({ key }: { readonly key: AttemptKey }): string => keyId(key)

const histories = fc.tuple(
  facts,
  fc.array(fc.nat(1000), { minLength: 1, maxLength: 60, size: 'max' }),
  fc.array(fc.constantFrom(0, 0, 0, 1, 20, 180, 1800), { minLength: 1, maxLength: 9 }),
)

describe('attempts and outcomes in any order, with restarts from snapshots in between', () => {
  test('count in every key, arm and cell like the final facts, in every view', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 2, max: 6 }), ([list, order, waits], maxKeys) => {
        const steps = stepsOf(list, order, waits)
        const { tally } = foldSteps(steps, maxKeys)
        const expected = byKey(steps, maxKeys)
        expect(new Set(allKeys(tally).map(idOf))).toEqual(new Set(expected.keys()))
        for (const record of allKeys(tally)) {
          const own = expected.get(idOf(record))!
          expect(viewsOf(record.summary)).toEqual(expectedViews(own))
          expect(tally.hiddenKeys().has(record)).toBe(totalAttempts(record.summary) === 0)
          expect(record.recent.added).toBe(totalAttempts(record.summary))
        }
        const inArm = (variant: string, experiment: string) => (fact: Fact) =>
          fact.attempt.experiment === experiment && fact.attempt.variant === variant
        for (const { experiment, variant, summary, cells } of tally.arms()) {
          const own = list.filter(inArm(variant, experiment))
          expect(viewsOf(summary)).toEqual(expectedViews(own))
          for (const cell of cells.values()) {
            if (cell.key === OVERFLOW_KEY) continue
            expect(viewsOf(cell.summary)).toEqual(
              expectedViews(own.filter(({ attempt }) => keyId(attempt) === idOf(cell))),
            )
          }
          const inCells = [...cells.values()].map(cell => verifiedCounts(cell.summary.outcomes?.counts ?? NO_COUNTS))
          expect(inCells.reduce((sum, { pending }) => sum + pending, 0)).toBe(
            own.filter(fact => resultIn(fact, 'latest') === undefined).length,
          )
        }
      }),
      { numRuns: 30 },
    )
  })

  test('count in every range of time like the final facts, in every view', () => {
    fc.assert(
      fc.property(histories, fc.array(fc.nat(60 * 24 * 60), { minLength: 4, maxLength: 4 }), (history, ages) => {
        const [list, order, waits] = history
        const steps = stepsOf(list, order, waits)
        const { nowMs } = steps.at(-1)!
        const { tally } = foldSteps(steps, 10)
        for (const age of [0, 1, 30, ...ages]) {
          const range = { sinceMs: nowMs - age * MINUTE_MS, untilMs: nowMs + HOUR_MS }
          const clipped = clippedOrNot(tally, range, nowMs)
          if (clipped === undefined) continue
          const isIn = ({ ms }: Fact): boolean => ms >= clipped.sinceMs && ms < clipped.untilMs
          for (const view of OUTCOME_VIEWS) {
            const read = new Map(tally.ranged(range, {}, nowMs, view).map(one => [idOf(one), numbersOf(one.summary)]))
            const own = Map.groupBy(list.filter(isIn), ({ attempt }) => keyId(attempt))
            const all = [...own].map(([key, some]) => [key, counted(some, fact => resultIn(fact, view))] as const)
            const expected = all.filter(([, summary]) => totalAttempts(summary) > 0)
            expect(read).toEqual(new Map(expected.map(([key, summary]) => [key, numbersOf(summary)])))
          }
          const pending = tally.ranged(range, {}, nowMs, 'any').map(({ summary }) => pendingIn(summary))
          const undecided = list.filter(fact => isIn(fact) && resultIn(fact, 'latest') === undefined)
          expect(pending.reduce((sum, one) => sum + one, 0)).toBe(undecided.length)
        }
      }),
      { numRuns: 25 },
    )
  })

  test('count in tiers that are filled from the log later like in those that were filled at once', () => {
    fc.assert(
      fc.property(histories, fc.array(fc.nat(60 * 24 * 60), { minLength: 4, maxLength: 4 }), (history, ages) => {
        const steps = stepsOf(...history).filter(({ fact }) => fact !== undefined)
        const { nowMs } = steps.at(-1)!
        const { tally } = foldSteps(steps, 10)
        const later = foldSteps(steps, 10, []).tally
        later.times.reshape(DEFAULT_TIERS)
        const tiers = [...DEFAULT_TIERS.keys()]
        for (const { nowMs: atMs, ...step } of steps) {
          if (step.fact === undefined) continue
          const { attempt, ms } = step.fact
          if (step.revision === 0) later.recount(attempt, { ms, local: false }, atMs, tiers)
          else later.recountOutcome(decisionOf(outcomeRecord(step.fact, step.revision, atMs)), atMs, tiers)
        }
        for (const age of [0, 30, ...ages]) {
          const range = { sinceMs: nowMs - age * MINUTE_MS, untilMs: nowMs + HOUR_MS }
          if (clippedOrNot(tally, range, nowMs) === undefined) continue
          for (const view of [...OUTCOME_VIEWS, 'any'] as const) {
            const read = (one: Tally) =>
              one
                .ranged(range, {}, nowMs, view)
                .map(({ key, summary }) => [key, numbersOf(summary), pendingIn(summary)])
            expect(new Set(read(later))).toEqual(new Set(read(tally)))
          }
        }
      }),
      { numRuns: 25 },
    )
  })

  test('are in the table of reported and verified results once each', () => {
    fc.assert(
      fc.property(histories, ([list, order, waits]) => {
        const { tally } = foldSteps(stepsOf(list, order, waits), 10)
        const expected = { both_failed: 0, over_claimed: 0, under_claimed: 0, both_succeeded: 0 }
        const unreported = { unreported: 0, unreported_successes: 0, pending: 0 }
        for (const fact of list) {
          const [reported, verified] = [fact.attempt.success, resultIn(fact, 'verified')]
          if (reported === undefined && verified === undefined) unreported.pending++
          if (verified === undefined) continue
          if (reported === undefined) {
            unreported.unreported++
            if (verified) unreported.unreported_successes++
          } else if (reported) expected[verified ? 'both_succeeded' : 'over_claimed']++
          else expected[verified ? 'under_claimed' : 'both_failed']++
        }
        const sums: Record<string, number> = {}
        for (const { summary } of allKeys(tally)) {
          const counts = verifiedCounts(summary.outcomes?.counts ?? NO_COUNTS)
          for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count
        }
        expect(sums).toEqual({ ...expected, ...unreported })
      }),
      { numRuns: 25 },
    )
  })

  test('leave counters of the first result of each attempt, which no later outcome changes', () => {
    fc.assert(
      fc.property(histories, ([list, order, waits]) => {
        const { tally } = foldSteps(stepsOf(list, order, waits), 10)
        for (const record of tally.keys()) {
          const own = list.filter(({ attempt }) => keyId(attempt) === idOf(record))
          const first = counted(own, ({ attempt, outcomes }) => attempt.success ?? outcomes[0])
          const row = copyRow(record.summary)
          if (record.summary.outcomes !== undefined) undoCorrections(row, record.summary.outcomes.counts)
          for (const success of [true, false]) {
            expect(durations(row, success)).toEqual(durations(first, success))
            expect(confidences(row, success)).toEqual(confidences(first, success))
          }
          expect([successes(row), failures(row)]).toEqual([successes(first), failures(first)])
        }
      }),
      { numRuns: 25 },
    )
  })
})

const NO_COUNTS = new Float64Array(200)

const pendingIn = ({ outcomes }: Summary): number => (outcomes === undefined ? 0 : pendingAttempts(outcomes.counts))

function clippedOrNot(tally: Tally, range: Parameters<Tally['times']['clip']>[0], nowMs: number) {
  try {
    return tally.times.clip(range, nowMs)
  } catch (error) {
    if (error instanceof RangeNotHeld) return undefined
    throw error
  }
}

/** Hundreds of attempts of one key, some of them late, some pending, with outcomes while they are recent and long after. */
const longHistories = fc.record({
  attempts: fc.array(
    fc.record({ success: fc.boolean(), isPending: fc.boolean(), late: fc.oneof(fc.constant(0), fc.nat(400)) }),
    { minLength: 150, maxLength: 1200, size: 'max' },
  ),
  outcomes: fc.array(fc.tuple(fc.nat(), fc.nat(500), fc.boolean()), { minLength: 1, maxLength: 300, size: 'max' }),
})

test('the recent attempts of a key, its older blocks and its drift are those of the final facts', () => {
  fc.assert(
    fc.property(longHistories, ({ attempts, outcomes }) => {
      const list = attempts.map(({ success, isPending, late }, i) => {
        const ms = NOW_MS + (i - late) * MINUTE_MS + i
        const names = { agent_name: 'a', model_name: 'm', issue_type: 'i', attempt_id: `id ${i}` }
        const attempt = { ...names, time_seconds: 1, timestamp: '', ...(!isPending && { success }) }
        return { attempt, ms, outcomes: [] as boolean[], decided: i }
      })
      const due = outcomes.map(([at, delay, success]) => ({
        of: at % list.length,
        step: (at % list.length) + delay,
        success,
      }))
      due.sort((a, b) => a.step - b.step)
      const steps: Step[] = []
      const firsts: Fact[] = []
      const record = (step: number): void => {
        while (due[0] !== undefined && due[0].step <= step) {
          const { of, success } = due.shift()!
          const fact = list[of]!
          fact.outcomes.push(success)
          steps.push({ nowMs: NOW_MS, fact, revision: fact.outcomes.length })
          if (fact.attempt.success === undefined && fact.outcomes.length === 1) firsts.push(fact)
        }
      }
      for (const [i, fact] of list.entries()) {
        steps.push({ nowMs: NOW_MS, fact, revision: 0 })
        if (fact.attempt.success !== undefined) firsts.push(fact)
        record(i)
      }
      record(Number.POSITIVE_INFINITY)
      steps.splice(Math.floor(steps.length / 2), 0, { nowMs: NOW_MS })
      const { tally } = foldSteps(steps, 10)
      const expected = newState(10).tally
      for (const fact of firsts)
        expected.add({ ...fact.attempt, success: resultIn(fact, 'latest')! }, { ms: fact.ms, local: false }, NOW_MS)
      expect(orderedOf(tally)).toEqual(orderedOf(expected))
    }),
    { numRuns: 25 },
  )
})

function orderedOf(tally: Tally): unknown {
  const keys = tally.keys().map(({ key, recent }) => {
    const visited: unknown[] = []
    forEachOutcome(recent, (...outcome) => visited.push(outcome))
    return [[...recentResults(recent, key)], savedOlder(recent.older), visited]
  })
  // Without the counts of outcomes, which say up to when attempts can be compared.
  const entries = tally.keys().map(entry => ({ ...entry, summary: copyRow(entry.summary) }))
  return [keys, runToCompletion(driftSteps(entries))]
}
