/** Lines of a stream -> attempts, in groups that are kept together. */
import { isAscii } from 'node:buffer'
import type { NewAttempt } from '../core/attempt.ts'
import type { OpenForms, Texts } from '../core/ports.ts'
import { MAX_FAULTS, type Problem } from '../problem.ts'
import { type FaultyAttempt, readAttempt, type SoundAttempt } from './attempt-schema.ts'
import { hasPlainStrings, type Parsed, parseJson, parseText } from './json.ts'
import type { Lines } from './lines.ts'

/** Attempts at the most. */
const GROUP = 1000

/** Attempts of a stream that are kept together. */
export interface Group extends OpenForms {
  readonly attempts: NewAttempt[]
  readonly texts: Texts
  /** Number of the line that the last of them stood in. */
  lastLine: number
}

export function emptyGroup(): Group {
  return { attempts: [], instants: [], texts: { sources: [], starts: [], ends: [] }, lastLine: 0 }
}

export const isFull = ({ attempts }: Group): boolean => attempts.length === GROUP

/** Takes lines from the `from`-th on until the group is full or there are no more; answers which is next, or what is wrong with one. */
export function takeSome(group: Group, lines: Lines, from: number, read: ReadLine): number | Problem {
  const { bytes, starts, ends, numbers } = lines
  const until = Math.min(starts.length, from + GROUP - group.attempts.length)
  for (let i = from; i < until; i++) {
    const line = read(i)
    if (line.attempt === undefined) return lineProblem(numbers[i]!, line)
    group.attempts.push(line.attempt)
    group.instants.push(line.at)
    group.texts.sources.push(bytes)
    group.texts.starts.push(starts[i]!)
    group.texts.ends.push(ends[i]!)
    group.lastLine = numbers[i]!
  }
  return until
}

type NoJson = Extract<Parsed, { readonly ok: false }> & { readonly attempt?: undefined }
export type ReadLine = (i: number) => SoundAttempt | FaultyAttempt | NoJson

/** Reads lines by their place. Where no character takes more than a byte, as in most, all of them are made text at once. */
export function readerOf({ bytes, starts, ends }: Lines): ReadLine {
  const read = (parsed: Parsed, isPlain: boolean): ReturnType<ReadLine> =>
    parsed.ok ? readAttempt(parsed.value, isPlain) : parsed
  if (!isAscii(bytes)) return i => read(parseJson(bytes.subarray(starts[i], ends[i])), false)
  const text = bytes.toString('latin1')
  const isPlain = hasPlainStrings(bytes)
  return i => read(parseText(text.slice(starts[i], ends[i])), isPlain)
}

function lineProblem(number: number, line: FaultyAttempt | NoJson): Problem {
  if ('ok' in line) {
    const logged = `line ${number} is not JSON`
    return { status: 400, detail: `${logged}: ${line.detail}`, logged }
  }
  const errors = line.problems.map(problem => ({ index: number - 1, ...problem }))
  return { status: 400, detail: `line ${number} is not an attempt as documented`, errors: errors.slice(0, MAX_FAULTS) }
}
