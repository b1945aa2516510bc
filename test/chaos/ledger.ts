/** What clients know: which attempts they were told are kept, which were refused, and of which they know nothing. */

export interface Ledger {
  /** Numbers to send: such as got no answer first, then new ones. */
  take(count: number): number[]
  /** Only such as got no answer. */
  takeUnanswered(count: number): number[]
  /** They were acknowledged: an obligation, from here on. OTLP's answers have no counts. */
  kept(numbers: readonly number[], answer: { readonly accepted: number; readonly duplicates: number } | undefined): void
  /** No answer came: they may be counted or not, until they are sent again. */
  unanswered(numbers: readonly number[]): void
  /** They were refused: those that were never sent before are given up, and must not be counted; the others wait. */
  refused(numbers: readonly number[]): void
  isKept(number: number): boolean
  /** Numbers of all obligations. */
  obligations(): Iterable<number>
  readonly counts: { readonly sent: number; readonly kept: number; readonly open: number; readonly refused: number }
  /** Answers that contradict what clients know. */
  readonly contradictions: readonly string[]
}

export function createLedger(): Ledger {
  /** Undefined where it was never sent, or was refused whenever it was. */
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
          `${numbers.length} sent${isNew ? ' for the first time' : ''}: ${accepted} and ${duplicates}`,
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
    *obligations() {
      for (const [number, state] of states.entries()) if (state === 'kept') yield number
    },
    get counts() {
      return { sent: states.length, kept, open: waiting.length, refused }
    },
    contradictions,
  }
}
