/** Applies the rules of a mapping to the records of one request. */
import type { NewAttempt } from '../../core/attempt/attempt.ts'
import type { Instant } from '../../core/attempt/timestamp.ts'
import type { Outcome } from '../../core/fold.ts'
import { type InvalidAttempt, readStated, type StatedAttempt, type ValidAttempt } from '../read-attempt.ts'
import type { CompiledRule } from './mapping/compiled-rule.ts'
import type { OtlpRule, OtlpSource } from './mapping/mapping.ts'
import type { Rules } from './mapping/rules.ts'
import type { UnusedRule } from './mapping/unused-rules.ts'
import { type Repair, repairStatement } from './repair.ts'
import type { TelemetryRecord } from './telemetry-record.ts'

/**
 * Why a record that a rule matches is no attempt. `same_run`: another span stands for its run; `no_agent`: it names none; `no_outcome`,
 * `interrupted`, `aborted`: it is neither a success nor a failure.
 */
export const EXCLUSIONS = ['same_run', 'no_agent', 'no_outcome', 'interrupted', 'aborted'] as const

/** One of the reasons. */
export type Exclusion = (typeof EXCLUSIONS)[number]

/** What a request contains. */
export interface Extracted {
  readonly attempts: NewAttempt[]
  /** Their parsed timestamps. */
  readonly instants: (Instant | undefined)[]
  /** Outcomes of attempts, which may be in the same request. */
  readonly outcomes: Outcome[]
  /** Records that a rule matches, and that make no valid attempt. */
  rejected: number
  /** The problems of the first of them, for people. */
  readonly problems: string[]
  /** Log records, spans or data points that are no attempts, as conforming telemetry may be. */
  ignored: number
  /** Those among them that a rule matches, by reason. */
  readonly excluded: Map<Exclusion, number>
  /** Fields that were changed to be usable, by what was done. */
  readonly repaired: Map<Repair, number>
  /** Model calls that came after their run had been counted. */
  late: number
  /** Rules that are off and would match records of scopes whose records are all ignored. Each scope is returned once. */
  readonly unusedRules: () => readonly UnusedRule[]
  /** Forgets that the attempts were counted, where they could not be kept. */
  undo: () => void
}

/** Takes the records of one request, one after the other. */
export interface Extractor {
  readonly extracted: Extracted
  /** The rule that applies to a record. */
  ruleOf(record: TelemetryRecord): CompiledRule | undefined
  /** Takes a record by what it states. Returns whether it is an attempt. */
  take(rule: CompiledRule, record: TelemetryRecord, stated: StatedAttempt): boolean
  /** The same for a record that stands for itself. */
  takeRecord(record: TelemetryRecord): void
  /** Ignores a record that no rule matches. */
  ignore(record: TelemetryRecord): void
  /** Ignores a record that a rule matches. */
  exclude(record: TelemetryRecord, reason: Exclusion): void
}

const NO_RESULT: InvalidAttempt['problems'] = [{ pointer: '/success', detail: 'is required' }]

/** Reads a statement. Without a result it is invalid, unless the attempt may be pending. */
function readDecided(stated: StatedAttempt, isPending: boolean): ValidAttempt | InvalidAttempt {
  const read = readStated(stated)
  if (isPending || stated.success !== undefined) return read
  return { problems: [...(read.problems ?? []), ...NO_RESULT] }
}

/** The fields that cannot be replaced. The id is needed by pending attempts only. */
const NEEDED: ReadonlySet<string> = new Set(['/agent_name', '/success', '/attempt_id'])

/** Rejected records whose problems are reported. */
const MAX_REPORTED = 5

const nothing = (): void => {}
const noRules = (): readonly UnusedRule[] => []

/** An empty result. */
export function nothingExtracted(unusedRules: Extracted['unusedRules'] = noRules): Extracted {
  return {
    attempts: [],
    instants: [],
    outcomes: [],
    rejected: 0,
    problems: [],
    ignored: 0,
    excluded: new Map(),
    repaired: new Map(),
    late: 0,
    unusedRules,
    undo: nothing,
  }
}

/** Creates an extractor. `positionOf` gives the path of a record in its request, for problems. */
export function createExtractor(
  { rules, outcomeOf, evaluation, unusedRules }: Rules,
  positionOf: (record: TelemetryRecord) => string,
): Extractor {
  const extracted = nothingExtracted(unusedRules.tell)
  const ruleOf = (record: TelemetryRecord): CompiledRule | undefined =>
    rules.find(candidate => candidate.matches(record))

  function takeRecord(record: TelemetryRecord): void {
    const rule = ruleOf(record)
    if (rule === undefined) takeEvaluation(record)
    else take(rule, record, rule.statement(record))
  }

  function takeEvaluation(record: TelemetryRecord): void {
    const outcome = evaluation?.(record)
    if (outcome === undefined) ignore(record)
    else extracted.outcomes.push(outcome)
  }

  function ignore(record: TelemetryRecord): void {
    extracted.ignored++
    unusedRules.ignored(record)
  }

  function exclude(record: TelemetryRecord, reason: Exclusion): void {
    addTo(extracted.excluded, reason)
    ignore(record)
  }

  function take(compiled: CompiledRule, record: TelemetryRecord, stated: StatedAttempt): boolean {
    const read = readDecided(stated, compiled.isPending(record))
    if (read.attempt === undefined) return takeRepaired(compiled, record, stated, read)
    accept(read, record)
    return true
  }

  /** Repairs what can be repaired. A log record is an event that states an attempt: one without an agent or outcome is invalid. */
  function takeRepaired(
    { rule, isPending }: CompiledRule,
    record: TelemetryRecord,
    stated: StatedAttempt,
    invalid: InvalidAttempt,
  ): boolean {
    const { stated: repaired, repairs } = repairStatement(stated)
    // A result that cannot be used does not make an attempt a pending one.
    const isDecided = repaired.success !== undefined || (stated.success === undefined && isPending(record))
    const read = readDecided(repaired, isDecided)
    if (read.attempt !== undefined) {
      for (const repair of repairs) addTo(extracted.repaired, repair)
      accept(read, record)
      return true
    }
    if (outcomeOf === undefined) reject(rule, invalid, record)
    else exclude(record, repaired.agent_name === undefined ? 'no_agent' : outcomeOf(record))
    return false
  }

  function accept({ attempt, at }: ValidAttempt, record: TelemetryRecord): void {
    unusedRules.taken(record)
    extracted.attempts.push(attempt)
    extracted.instants.push(at)
  }

  function reject(rule: OtlpRule, { problems }: InvalidAttempt, record: TelemetryRecord): void {
    extracted.rejected++
    if (extracted.problems.length >= MAX_REPORTED) return
    const faults = problems
      .filter(({ pointer }) => NEEDED.has(pointer))
      .map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}${hint(rule, pointer.slice(1))}`)
    extracted.problems.push(`${positionOf(record)}: ${faults.join(', ')}`)
  }

  return { extracted, ruleOf, take, takeRecord, ignore, exclude }
}

function addTo<Name>(counts: Map<Name, number>, name: Name): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
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
