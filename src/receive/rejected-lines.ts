/** Reports the invalid lines of a stream with `partial=true`: any number of lines, in bounded memory. */
import { MAX_FAULTS } from '../server/problem.ts'
import type { InvalidLine } from './line-group.ts'
import { NOT_JSON, type Rejected } from './receiving.ts'

/** Lines that the answer names. */
const MAX_NAMED = 1000
/** Problems that the answer names besides the first one of each line. */
const MAX_MORE_FAULTS = 1000

export interface RejectedLines {
  /** Adds the problems of a line, by its number from 1. */
  add(number: number, line: InvalidLine): void
  readonly count: number
  /** Bytes of memory in use. */
  readonly heldBytes: number
  /** The report for the answer. The index of a line is its number less one, as in a JSON array. */
  read(): { readonly rejected: Rejected; readonly more_rejected?: number }
}

export function createRejectedLines(): RejectedLines {
  // As JSON text: the strings in a problem may be slices of the line, which would keep all of it in memory.
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

function errorsOf(line: InvalidLine): Rejected[number]['errors'] {
  return 'ok' in line ? [{ pointer: '', detail: `${NOT_JSON}: ${line.detail}` }] : line.problems
}
