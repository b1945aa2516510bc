/** Lines of a stream -> attempts, in groups that the store keeps together. */
import { isAscii } from 'node:buffer'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import type { ParsedBatch, RawJson } from '../core/ports.ts'
import { MAX_FAULTS, type Problem } from '../server/problem.ts'
import { hasAsciiStrings, type Parsed, parseJson, parseText } from './json.ts'
import type { Lines } from './line-splitter.ts'
import { type InvalidAttempt, readAttempt, type ValidAttempt } from './read-attempt.ts'

/** The limits of a group: attempts, bytes of their lines, and how long its first line waits for others. */
const GROUP = { attempts: 1000, bytes: 1 << 20, ms: 50 }

/** Attempts of a stream that are kept together. */
export interface LineGroup extends ParsedBatch {
  readonly attempts: NewAttempt[]
  readonly rawJson: RawJson
  /** Bytes of memory that `rawJson` keeps: a line of a few bytes keeps the whole chunk that it came in. */
  heldBytes: number
  /** The deadline for keeping it, on the clock of `performance.now`. */
  dueMs: number
}

export function emptyGroup(): LineGroup {
  const rawJson = { sources: [], starts: [], ends: [] }
  return { attempts: [], instants: [], rawJson, heldBytes: 0, dueMs: Number.POSITIVE_INFINITY }
}

export const isFull = ({ attempts, heldBytes }: LineGroup): boolean =>
  attempts.length >= GROUP.attempts || heldBytes >= GROUP.bytes

/** A line that is not as documented. */
export type InvalidLine = Pick<InvalidAttempt, 'problems'> | NotJson

/** Adds lines from index `from` on, up to an invalid one or until the group is full. Returns the next index, and what is wrong there. */
export function addLines(
  group: LineGroup,
  lines: Lines,
  from: number,
  read: ReadLine,
): { next: number; invalid?: InvalidLine } {
  const { bytes, starts, ends } = lines
  const until = Math.min(starts.length, from + GROUP.attempts - group.attempts.length)
  for (let i = from; i < until; i++) {
    const line = read(i)
    if (line.attempt === undefined) return { next: i, invalid: line }
    if (i === from) hold(group, bytes)
    group.attempts.push(line.attempt)
    group.instants.push(line.at)
    group.rawJson.sources.push(bytes)
    group.rawJson.starts.push(starts[i]!)
    group.rawJson.ends.push(ends[i]!)
  }
  return { next: until }
}

function hold(group: LineGroup, bytes: Buffer): void {
  if (group.attempts.length === 0) group.dueMs = performance.now() + GROUP.ms
  else if (group.rawJson.sources[group.rawJson.sources.length - 1] === bytes) return
  group.heldBytes += bytes.length
}

type NotJson = Extract<Parsed, { readonly ok: false }>
export type ReadLine = (i: number) => ValidAttempt | InvalidAttempt | (NotJson & { readonly attempt?: undefined })

/** Reads lines by index. Decodes all of them at once where they are ASCII, as most are. */
export function readerOf({ bytes, starts, ends }: Lines): ReadLine {
  const read = (parsed: Parsed, isAscii: boolean): ReturnType<ReadLine> =>
    parsed.ok ? readAttempt(parsed.value, isAscii) : parsed
  if (!isAscii(bytes)) return i => read(parseJson(bytes.subarray(starts[i], ends[i])), false)
  const text = bytes.toString('latin1')
  const areStringsAscii = hasAsciiStrings(bytes)
  return i => read(parseText(text.slice(starts[i], ends[i])), areStringsAscii)
}

/** The refusal of a stream at an invalid line, by the number of the line from 1. */
export function invalidLineProblem(number: number, line: InvalidLine, noun: string): Problem {
  if ('ok' in line) {
    const logged = `line ${number} is not JSON`
    return { status: 400, detail: `${logged}: ${line.detail}`, logged }
  }
  const errors = line.problems.slice(0, MAX_FAULTS).map(problem => ({ index: number - 1, ...problem }))
  return { status: 400, detail: `line ${number} is not ${noun} as documented`, errors }
}
