/** Applies the rules of a mapping to the records of one request. */
import type { NewAttempt } from '../../core/attempt/attempt.ts'
import type { Instant } from '../../core/attempt/timestamp.ts'
import { type InvalidAttempt, readStated, type ValidAttempt } from '../read-attempt.ts'
import type { RecordContext } from './mapping/attribute-lookup.ts'
import type { CompiledRule } from './mapping/compiled-rule.ts'
import type { OtlpRule, OtlpSource } from './mapping/mapping.ts'
import type { Rules } from './mapping/rules.ts'
import { isComplete, needsNoEscapes } from './print-attempt.ts'
import { addRawJson, noRawJson, type RawJsonPages } from './raw-json-pages.ts'

/** What a request contains. */
export interface Extracted {
  readonly attempts: NewAttempt[]
  /** Their parsed timestamps. */
  readonly instants: (Instant | undefined)[]
  /** Their JSON, as far as it could be printed cheaply. */
  readonly rawJson: RawJsonPages
  /** Records that a rule matches, and that make no valid attempt. */
  rejected: number
  /** The problems of the first of them, for people. */
  readonly problems: string[]
  /** Log records, spans or data points that no rule matches. */
  ignored: number
}

/** Takes the records of one request, one after the other. */
export interface Extractor<R> {
  readonly extracted: Extracted
  take(context: RecordContext<R>): void
}

/** Rejected records whose problems are reported. */
const MAX_REPORTED = 5

/** An empty result. */
export function nothingExtracted(): Extracted {
  return { attempts: [], instants: [], rawJson: noRawJson(), rejected: 0, problems: [], ignored: 0 }
}

/** Creates an extractor. `positionOf` gives the path of a record in its request, for problems. */
export function createExtractor<R>(
  { rules }: Rules<R>,
  positionOf: (context: RecordContext<R>) => string,
): Extractor<R> {
  const extracted = nothingExtracted()

  function take(context: RecordContext<R>): void {
    const compiled = rules.find(candidate => candidate.matches(context))
    if (compiled === undefined) extracted.ignored++
    else apply(compiled, context)
  }

  function apply(compiled: CompiledRule<R>, context: RecordContext<R>): void {
    const stated = compiled.statement(context)
    const isUnescaped = (context.isUnescaped && compiled.keepsUnescaped) || needsNoEscapes(stated)
    const read = readStated(stated, isUnescaped)
    if (read.attempt === undefined) reject(compiled.rule, read, context)
    else accept(read, isUnescaped)
  }

  function accept({ attempt, at }: ValidAttempt, isUnescaped: boolean): void {
    extracted.attempts.push(attempt)
    extracted.instants.push(at)
    addRawJson(extracted.rawJson, isUnescaped && isComplete(attempt) ? attempt : undefined)
  }

  function reject(rule: OtlpRule, { problems }: InvalidAttempt, context: RecordContext<R>): void {
    extracted.rejected++
    if (extracted.problems.length >= MAX_REPORTED) return
    const faults = problems.map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}${hint(rule, pointer.slice(1))}`)
    extracted.problems.push(`${positionOf(context)}: ${faults.join(', ')}`)
  }

  return { extracted, take }
}

/** The paths that were looked up for a field: a sender does not know our field names. */
function hint({ attempt }: OtlpRule, field: string): string {
  const paths = (attempt[field as keyof NewAttempt] ?? []).map(printSource).filter(path => path !== field)
  return paths.length === 0 ? '' : ` (from ${paths.join(' or ')})`
}

function printSource(source: OtlpSource): string {
  if (typeof source === 'string') return source
  if ('join' in source) return source.join.join(':')
  return 'from' in source ? source.from : JSON.stringify(source.value)
}
