/** The state of every attempt from the view of the clients: acknowledged, refused, or unanswered. */

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
  /** The numbers of all acknowledged attempts. */
  acknowledged(): Iterable<number>
  readonly counts: { readonly sent: number; readonly kept: number; readonly open: number; readonly refused: number }
  /** Answers that contradict earlier answers. */
  readonly contradictions: readonly string[]
}

export function createLedger(): Ledger {
  /** Undefined if it was never sent, or if every request was refused. */
  const states: ('open' | 'kept' | undefined)[] = []
  let waiting: number[] = []
  let kept = 0
  let refused = 0
  const contradictions: string[] = []

  return {
    take(count) {
      const again = waiting.splice(0, count)
      if (again.length > 0) return again
      const first = states.length
      for (let i = 0; i < count; i++) states.push(undefined)
      return Array.from({ length: count }, (_, i) => first + i)
    },
    takeUnanswered: count => waiting.splice(0, count),
    kept(numbers, answer) {
      const isNew = numbers.every(number => states[number] === undefined)
      const { accepted, duplicates } = answer ?? { accepted: numbers.length, duplicates: 0 }
      if (accepted + duplicates !== numbers.length || (isNew && duplicates > 0)) {
        contradictions.push(
          `${numbers.length} sent${isNew ? ' for the first time' : ''}: ${accepted} accepted, ${duplicates} duplicates`,
        )
      }
      for (const number of numbers) states[number] = 'kept'
      kept += numbers.length
    },
    unanswered(numbers) {
      for (const number of numbers) states[number] = 'open'
      waiting = waiting.concat(numbers)
    },
    refused(numbers) {
      const open = numbers.filter(number => states[number] === 'open')
      waiting = waiting.concat(open)
      refused += numbers.length - open.length
    },
    isKept: number => states[number] === 'kept',
    *acknowledged() {
      for (const [number, state] of states.entries()) if (state === 'kept') yield number
    },
    get counts() {
      return { sent: states.length, kept, open: waiting.length, refused }
    },
    contradictions,
  }
}
