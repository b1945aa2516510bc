/** Lines of a stream -> attempts, in groups that are kept together. */
import { isAscii } from 'node:buffer'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import type { ParsedBatch, RawJson } from '../core/ports.ts'
import { MAX_FAULTS, type Problem } from '../server/problem.ts'
import { type FaultyAttempt, readAttempt, type SoundAttempt } from './attempt-schema.ts'
import { hasPlainStrings, type Parsed, parseJson, parseText } from './json.ts'
import type { Lines } from './lines.ts'

/** What a group may hold, in attempts and in bytes of their source, and how long its first line waits for others. */
const GROUP = { attempts: 1000, bytes: 1 << 20, ms: 50 }

/** Attempts of a stream that are kept together. */
export interface Group extends ParsedBatch {
  readonly attempts: NewAttempt[]
  readonly rawJson: RawJson
  /** Bytes of memory that `rawJson` keeps: a line of a few bytes keeps the whole chunk that it came in. */
  heldBytes: number
  /** When it is to be kept at the latest, on the clock of `performance.now`. */
  dueMs: number
}

export function emptyGroup(): Group {
  const rawJson = { sources: [], starts: [], ends: [] }
  return { attempts: [], instants: [], rawJson, heldBytes: 0, dueMs: Number.POSITIVE_INFINITY }
}

export const isFull = ({ attempts, heldBytes }: Group): boolean =>
  attempts.length >= GROUP.attempts || heldBytes >= GROUP.bytes

/** A line that is no attempt. */
export type BadLine = FaultyAttempt | NoJson

/** Takes lines from the `from`-th on, up to a bad one or until the group is full. Answers which is next, and what is wrong with it. */
export function takeSome(group: Group, lines: Lines, from: number, read: ReadLine): { next: number; bad?: BadLine } {
  const { bytes, starts, ends } = lines
  const until = Math.min(starts.length, from + GROUP.attempts - group.attempts.length)
  for (let i = from; i < until; i++) {
    const line = read(i)
    if (line.attempt === undefined) return { next: i, bad: line }
    if (i === from) hold(group, bytes)
    group.attempts.push(line.attempt)
    group.instants.push(line.at)
    group.rawJson.sources.push(bytes)
    group.rawJson.starts.push(starts[i]!)
    group.rawJson.ends.push(ends[i]!)
  }
  return { next: until }
}

function hold(group: Group, bytes: Buffer): void {
  if (group.attempts.length === 0) group.dueMs = performance.now() + GROUP.ms
  else if (group.rawJson.sources[group.rawJson.sources.length - 1] === bytes) return
  group.heldBytes += bytes.length
}

type NoJson = Extract<Parsed, { readonly ok: false }> & { readonly attempt?: undefined }
export type ReadLine = (i: number) => SoundAttempt | BadLine

/** Reads lines by their place. Where no character takes more than a byte, as in most, all of them are made text at once. */
export function readerOf({ bytes, starts, ends }: Lines): ReadLine {
  const read = (parsed: Parsed, isPlain: boolean): ReturnType<ReadLine> =>
    parsed.ok ? readAttempt(parsed.value, isPlain) : parsed
  if (!isAscii(bytes)) return i => read(parseJson(bytes.subarray(starts[i], ends[i])), false)
  const text = bytes.toString('latin1')
  const isPlain = hasPlainStrings(bytes)
  return i => read(parseText(text.slice(starts[i], ends[i])), isPlain)
}

/** The end of a stream at a bad line, by the number of the line from 1. */
export function badLineProblem(number: number, line: BadLine): Problem {
  if ('ok' in line) {
    const logged = `line ${number} is not JSON`
    return { status: 400, detail: `${logged}: ${line.detail}`, logged }
  }
  const errors = line.problems.slice(0, MAX_FAULTS).map(problem => ({ index: number - 1, ...problem }))
  return { status: 400, detail: `line ${number} is not an attempt as documented`, errors }
}
