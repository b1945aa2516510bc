/** Records one after the other -> the attempts in them, what was meant as one and is not, and how much else there was. */
import type { NewAttempt } from '../../core/attempt/attempt.ts'
import type { Instant } from '../../core/attempt/timestamp.ts'
import { type FaultyAttempt, readFields, type SoundAttempt } from '../attempt-schema.ts'
import { hasPlainTexts, isWhole } from './attempt-text.ts'
import type { ReadyRule } from './mapping/attempt.ts'
import type { OtlpRule, OtlpSource } from './mapping/mapping.ts'
import type { Seen } from './mapping/places.ts'
import type { Rules } from './mapping/rules.ts'
import { addRawJson, noRawJson, type RawJsonPages } from './raw-json-pages.ts'

/** What a request holds. */
export interface Sifted {
  readonly attempts: NewAttempt[]
  /** What their timestamps state. */
  readonly instants: (Instant | undefined)[]
  /** Their JSON, as far as it could be printed cheaply. */
  readonly rawJson: RawJsonPages
  /** Records that a rule fits, and whose attempt breaks the rules of attempts. */
  rejected: number
  /** What is wrong with the first of them, for people. */
  readonly problems: string[]
  /** Log records, spans or data points that no rule fits. */
  ignored: number
}

/** Records of one request on their way through the rules. */
export interface Sifting<R> {
  readonly sifted: Sifted
  take(seen: Seen<R>): void
}

/** Rejected records whose problems are told. */
const MAX_TOLD = 5

/** Nothing at all. */
export function nothingSifted(): Sifted {
  return { attempts: [], instants: [], rawJson: noRawJson(), rejected: 0, problems: [], ignored: 0 }
}

/** Begins with the first record. `positionOf` tells people where one stands in its request. */
export function createSifting<R>({ rules }: Rules<R>, positionOf: (seen: Seen<R>) => string): Sifting<R> {
  const sifted = nothingSifted()

  function take(seen: Seen<R>): void {
    const ready = rules.find(rule => rule.fits(seen))
    if (ready === undefined) sifted.ignored++
    else apply(ready, seen)
  }

  function apply(ready: ReadyRule<R>, seen: Seen<R>): void {
    const stated = ready.statement(seen)
    const isPlain = (seen.isPlain && ready.keepsPlain) || hasPlainTexts(stated)
    const read = readFields(stated, isPlain)
    if (read.attempt === undefined) reject(ready.rule, read, seen)
    else accept(read, isPlain)
  }

  function accept({ attempt, at }: SoundAttempt, isPlain: boolean): void {
    sifted.attempts.push(attempt)
    sifted.instants.push(at)
    addRawJson(sifted.rawJson, isPlain && isWhole(attempt) ? attempt : undefined)
  }

  function reject(rule: OtlpRule, { problems }: FaultyAttempt, seen: Seen<R>): void {
    sifted.rejected++
    if (sifted.problems.length >= MAX_TOLD) return
    const faults = problems.map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}${hint(rule, pointer.slice(1))}`)
    sifted.problems.push(`${positionOf(seen)}: ${faults.join(', ')}`)
  }

  return { sifted, take }
}

/** Where the field was looked for, because a sender does not know our names. */
function hint({ attempt }: OtlpRule, field: string): string {
  const places = (attempt[field as keyof NewAttempt] ?? []).map(printSource).filter(place => place !== field)
  return places.length === 0 ? '' : ` (from ${places.join(' or ')})`
}

function printSource(source: OtlpSource): string {
  if (typeof source === 'string') return source
  if ('join' in source) return source.join.join(':')
  return 'from' in source ? source.from : JSON.stringify(source.value)
}
