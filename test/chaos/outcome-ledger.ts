/** The state of every outcome from the view of the clients: to be sent, acknowledged, or unanswered. */
import type { Random } from '../../src/core/statistics/random.ts'
import { type NumberedOutcome, outcomesOf } from './outcomes.ts'

/** The counts in an answer to outcomes, and the ids of attempts that are not stored. */
export interface OutcomeAnswer {
  readonly accepted: number
  readonly duplicates: number
  readonly unknown: readonly string[]
}

/** Outcomes of a request, and what was known of them before it. */
export interface SentOutcomes {
  readonly all: readonly NumberedOutcome[]
  /** Each once, without those that were acknowledged. */
  readonly fresh: readonly NumberedOutcome[]
  /** None of the fresh ones can count already. */
  readonly isCertain: boolean
  /** Their attempts are acknowledged. */
  readonly isDue: boolean
}

export interface OutcomeLedgerOptions {
  /** An acknowledged attempt is in the log, so that no outcome of it is unknown. One in a spool is in the log later. */
  readonly isImmediate: boolean
}

export interface OutcomeLedger {
  /** Enters that these attempts are acknowledged: from now on their outcomes may be sent, in any order. */
  due(numbers: readonly number[]): void
  /** Removes some outcomes that are due, in random order. */
  take(count: number, random: Random): NumberedOutcome[]
  /** An acknowledged outcome, to be sent again. Undefined if there is none. */
  repeat(random: Random): NumberedOutcome | undefined
  /** Enters outcomes that must be sent again. */
  putBack(outcomes: readonly NumberedOutcome[]): void
  /** Enters that these are being sent. */
  sending(sent: readonly NumberedOutcome[], isDue: boolean): SentOutcomes
  /** Enters an answer. */
  answered(sent: SentOutcomes, answer: OutcomeAnswer): void
  /** Enters that it is not known which of these count: no answer came, a refusal, or an answer without counts. */
  unanswered(sent: SentOutcomes): void
  isKept(outcome: NumberedOutcome): boolean
  /** Whether an outcome may count although no answer says so. */
  isOpen(outcome: NumberedOutcome): boolean
  readonly counts: { readonly due: number; readonly kept: number; readonly repeats: number; readonly unknown: number }
  /** Answers that contradict earlier answers. */
  readonly contradictions: readonly string[]
}

type State = 'open' | 'kept'

const keyOf = ({ number, place }: NumberedOutcome): string => `${number} ${place}`

export function createOutcomeLedger({ isImmediate }: OutcomeLedgerOptions = { isImmediate: true }): OutcomeLedger {
  /** Without those that were never sent, or only before their attempt. */
  const states = new Map<string, State>()
  let pool: NumberedOutcome[] = []
  const kept: NumberedOutcome[] = []
  let [repeats, unknownCount] = [0, 0]
  const contradictions: string[] = []

  const stateOf = (outcome: NumberedOutcome): State | undefined => states.get(keyOf(outcome))

  function keep(outcome: NumberedOutcome): void {
    if (stateOf(outcome) === 'kept') return
    states.set(keyOf(outcome), 'kept')
    kept.push(outcome)
  }

  function markOpen(outcomes: readonly NumberedOutcome[]): void {
    for (const one of outcomes) if (stateOf(one) === undefined) states.set(keyOf(one), 'open')
  }

  return {
    due(numbers) {
      pool = pool.concat(numbers.flatMap(outcomesOf).filter(one => stateOf(one) !== 'kept'))
    },
    take(count, random) {
      const taken: NumberedOutcome[] = []
      while (taken.length < count && pool.length > 0) {
        const at = Math.floor(random() * pool.length)
        taken.push(pool[at]!)
        const last = pool.pop()!
        if (at < pool.length) pool[at] = last
      }
      return taken
    },
    repeat: random => kept[Math.floor(random() * kept.length)],
    putBack(outcomes) {
      pool = pool.concat(outcomes)
    },
    sending(all, isDue) {
      const distinct = [...new Map(all.map(one => [keyOf(one), one])).values()]
      const fresh = distinct.filter(one => stateOf(one) !== 'kept')
      const isCertain = isDue && fresh.every(one => stateOf(one) === undefined)
      // Another client may send them too, when their attempts are acknowledged before these.
      if (!isDue) markOpen(fresh)
      return { all, fresh, isCertain, isDue }
    },
    answered({ all, fresh, isCertain, isDue }, { accepted, duplicates, unknown }) {
      const missing = new Set(unknown)
      const known = fresh.filter(({ attempt_id }) => !missing.has(attempt_id))
      const text = `${all.length} outcomes, ${fresh.length} not acknowledged before: ${accepted} accepted, ${duplicates} duplicates, ${unknown.length} unknown`
      // An attempt may become durable between two of its outcomes.
      const isWrong = accepted > fresh.length || (isCertain && accepted !== known.length)
      if (accepted + duplicates + unknown.length !== all.length || isWrong) contradictions.push(text)
      // Another client may have got its answer since this request was sent, and after its sidecar had looked.
      const notBefore = new Set(fresh.map(keyOf))
      const isKnown = (one: NumberedOutcome): boolean => !notBefore.has(keyOf(one)) || (isDue && isImmediate)
      const lost = all.find(one => missing.has(one.attempt_id) && isKnown(one))
      if (lost !== undefined) contradictions.push(`${text}, such as ${lost.attempt_id}, which is acknowledged`)
      repeats += duplicates
      unknownCount += unknown.length
      for (const one of known) keep(one)
    },
    unanswered: ({ all }) => markOpen(all),
    isKept: outcome => stateOf(outcome) === 'kept',
    isOpen: outcome => stateOf(outcome) === 'open',
    get counts() {
      return { due: pool.length, kept: kept.length, repeats, unknown: unknownCount }
    },
    contradictions,
  }
}
