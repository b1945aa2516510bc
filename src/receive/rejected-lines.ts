/** What is said of the bad lines of a stream from which the good ones are kept: of any number of lines, in bounded memory. */
import { MAX_FAULTS } from '../server/problem.ts'
import type { BadLine } from './line-group.ts'
import { NOT_JSON, type Rejected } from './receiving.ts'

/** Lines that are named. Each is named with fewer of its faults where there are many. */
const MAX_NAMED = 1000
/** Faults that are named beside the first one of each line. */
const MAX_MORE_FAULTS = 1000

export interface RejectedLines {
  /** Notes what is wrong with the line of this number, from 1. */
  add(number: number, line: BadLine): void
  readonly count: number
  /** Bytes of memory that the names take. */
  readonly heldBytes: number
  /** As the answer has them: the place of a line is one less than its number, as in a JSON array. */
  read(): { readonly rejected: Rejected; readonly more_rejected?: number }
}

export function createRejectedLines(): RejectedLines {
  // As text: the faults of a line may be views of it, and would keep all of it.
  const texts: string[] = []
  let heldBytes = 0
  let faults = 0
  let count = 0

  return {
    add(number, line) {
      count++
      if (texts.length === MAX_NAMED) return
      const all = errorsOf(line)
      const errors = all.slice(0, 1 + Math.min(MAX_FAULTS - 1, MAX_MORE_FAULTS - faults))
      faults += errors.length - 1
      const text = JSON.stringify({ index: number - 1, errors })
      heldBytes += 2 * text.length
      texts.push(text)
    },
    get count() {
      return count
    },
    get heldBytes() {
      return heldBytes
    },
    read() {
      const rejected = texts.map(text => JSON.parse(text) as Rejected[number])
      return { rejected, ...(count > texts.length && { more_rejected: count - texts.length }) }
    },
  }
}

function errorsOf(line: BadLine): Rejected[number]['errors'] {
  return 'ok' in line ? [{ pointer: '', detail: `${NOT_JSON}: ${line.detail}` }] : line.problems
}
