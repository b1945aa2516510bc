/** The state of every attempt and outcome from the view of the clients: acknowledged, refused, or unanswered. */
import { FIRST_WITH_OUTCOMES, isPending } from './attempts.ts'
import { createOutcomeLedger, type OutcomeLedger, type OutcomeLedgerOptions } from './outcome-ledger.ts'
import { finalSuccess, outcomesOf } from './outcomes.ts'

export interface Ledger {
  /** Numbers to send: unanswered ones first, then new ones. */
  take(count: number): number[]
  /** Unanswered numbers only. */
  takeUnanswered(count: number): number[]
  /** Enters an acknowledgement: from now on the sidecar must count these. `answer` is undefined for OTLP. */
  kept(numbers: readonly number[], answer: { readonly accepted: number; readonly duplicates: number } | undefined): void
  /** Enters that no answer came: the sidecar may or may not count these until they are sent again. */
  unanswered(numbers: readonly number[]): void
  /** Enters a refusal. New numbers are dropped and must not be counted. Unanswered ones stay unanswered. */
  refused(numbers: readonly number[]): void
  isKept(number: number): boolean
  readonly outcomes: OutcomeLedger
  /** The result that must count. Undefined for an attempt that is not acknowledged, or is pending. */
  resultOf(number: number): boolean | undefined
  /** How many acknowledged attempts have a result, and how many attempts may have one in all. */
  decided(): { readonly certain: number; readonly most: number }
  /** The numbers of all acknowledged attempts. */
  acknowledged(): Iterable<number>
  readonly counts: { readonly sent: number; readonly kept: number; readonly open: number; readonly refused: number }
  /** Answers that contradict earlier answers. */
  readonly contradictions: readonly string[]
}

/** With options, the attempts have outcomes. */
export function createLedger(options?: OutcomeLedgerOptions): Ledger {
  const first = options === undefined ? 0 : FIRST_WITH_OUTCOMES
  const outcomes = createOutcomeLedger(options)
  /** From `first` on. Undefined if it was never sent, or if every request was refused. */
  const states: ('open' | 'kept' | undefined)[] = []
  let waiting: number[] = []
  let kept = 0
  let refused = 0
  const contradictions: string[] = []
  const stateOf = (number: number): 'open' | 'kept' | undefined => states[number - first]

  return {
    take(count) {
      const again = waiting.splice(0, count)
      if (again.length > 0) return again
      const next = first + states.length
      for (let i = 0; i < count; i++) states.push(undefined)
      return Array.from({ length: count }, (_, i) => next + i)
    },
    takeUnanswered: count => waiting.splice(0, count),
    kept(numbers, answer) {
      const isNew = numbers.every(number => stateOf(number) === undefined)
      const { accepted, duplicates } = answer ?? { accepted: numbers.length, duplicates: 0 }
      if (accepted + duplicates !== numbers.length || (isNew && duplicates > 0)) {
        contradictions.push(
          `${numbers.length} sent${isNew ? ' for the first time' : ''}: ${accepted} accepted, ${duplicates} duplicates`,
        )
      }
      for (const number of numbers) states[number - first] = 'kept'
      kept += numbers.length
      outcomes.due(numbers)
    },
    unanswered(numbers) {
      for (const number of numbers) states[number - first] = 'open'
      waiting = waiting.concat(numbers)
    },
    refused(numbers) {
      const open = numbers.filter(number => stateOf(number) === 'open')
      waiting = waiting.concat(open)
      refused += numbers.length - open.length
    },
    isKept: number => stateOf(number) === 'kept',
    outcomes,
    resultOf: number => (stateOf(number) === 'kept' ? finalSuccess(number, outcomes.isKept) : undefined),
    decided() {
      let [certain, most] = [0, 0]
      for (const [i, state] of states.entries()) {
        if (state === undefined) continue
        const number = first + i
        const stated = isPending(number) ? outcomesOf(number) : undefined
        if (state === 'kept' && stated?.some(outcomes.isKept) !== false) certain++
        if (stated?.some(one => outcomes.isKept(one) || outcomes.isOpen(one)) !== false) most++
      }
      return { certain, most }
    },
    *acknowledged() {
      for (const [i, state] of states.entries()) if (state === 'kept') yield first + i
    },
    get counts() {
      return { sent: states.length, kept, open: waiting.length, refused }
    },
    get contradictions() {
      return [...contradictions, ...outcomes.contradictions]
    },
  }
}
