/** One log record or span -> the attempt that a rule finds in it. */
import type { AttemptFields, NewAttempt } from '../../../core/attempt/attempt.ts'
import type { OtlpRule } from './mapping.ts'
import type { Places, Seen } from './places.ts'
import { booleanOf, isPlainSource, numberOf, textOf, valueAt, type Ways, waysTo } from './ways.ts'

const FIELDS: Readonly<Record<keyof NewAttempt, true>> = {
  agent_name: true,
  model_name: true,
  issue_type: true,
  success: true,
  confidence: true,
  time_seconds: true,
  timestamp: true,
  attempt_id: true,
  error_type: true,
  experiment: true,
  variant: true,
  input_tokens: true,
  output_tokens: true,
  cache_read_tokens: true,
  cache_write_tokens: true,
  cost_usd: true,
}

/** The names of all fields of an attempt. */
export const ATTEMPT_FIELDS: readonly (keyof NewAttempt)[] = Object.keys(FIELDS) as (keyof NewAttempt)[]

/** A rule made ready for many records. */
export interface ReadyRule<R> {
  readonly rule: OtlpRule
  /** Whether the attempts of records whose texts are plain hold nothing but plain texts. */
  readonly keepsPlain: boolean
  /** Whether a record is of the rule's kind. */
  fits(seen: Seen<R>): boolean
  /** What a record states by the rule: an attempt, where it passes for one. */
  statement(seen: Seen<R>): AttemptFields
}

/** Makes a rule ready. Total, whatever the records hold. */
export function readyRule<R>(rule: OtlpRule, places: Places<R>): ReadyRule<R> {
  const conditions = Object.entries(rule.when).map(([place, values]) => ({ lookup: places.lookup(place), values }))
  const fields = readyFields(rule, places)
  return {
    rule,
    keepsPlain: Object.values(rule.attempt).every(sources => sources.every(isPlainSource)),
    fits(seen) {
      for (const { lookup, values } of conditions) if (!values.includes(String(lookup(seen)))) return false
      return true
    },
    statement(seen) {
      const stated = statement(fields, places.valuesOf(seen), seen)
      if (rule.input_tokens_include_cache) stateTokensApart(stated)
      return stated
    },
  }
}

type Stated = Partial<Record<keyof NewAttempt, unknown>>
type ReadyFields<R> = Readonly<Record<keyof NewAttempt, Ways<R>>>

function readyFields<R>({ attempt }: OtlpRule, places: Places<R>): ReadyFields<R> {
  return Object.fromEntries(ATTEMPT_FIELDS.map(name => [name, waysTo(attempt[name] ?? [], places)])) as ReadyFields<R>
}

/**
 * What a record states of each field. They are written out, and always in the same order, so that attempts which state the same are objects
 * of one shape. It begins with an empty object: one that is made whole is soon allocated among what lives long, since many attempts do until
 * they are kept, and keeps alive there what else came with its request.
 */
function statement<R>(fields: ReadyFields<R>, values: readonly unknown[], seen: Seen<R>): Stated {
  const stated: Stated = {}
  stateAttempt(stated, fields, values, seen)
  stateLabels(stated, fields, values, seen)
  stateCosts(stated, fields, values, seen)
  return stated
}

function stateAttempt<R>(stated: Stated, fields: ReadyFields<R>, values: readonly unknown[], seen: Seen<R>): void {
  const agent_name = textOf(valueAt(fields.agent_name, values, seen))
  if (agent_name !== undefined) stated.agent_name = agent_name
  const model_name = textOf(valueAt(fields.model_name, values, seen))
  if (model_name !== undefined) stated.model_name = model_name
  const issue_type = textOf(valueAt(fields.issue_type, values, seen))
  if (issue_type !== undefined) stated.issue_type = issue_type
  const success = booleanOf(valueAt(fields.success, values, seen))
  if (success !== undefined) stated.success = success
  const confidence = numberOf(valueAt(fields.confidence, values, seen))
  if (confidence !== undefined) stated.confidence = confidence
  const time_seconds = numberOf(valueAt(fields.time_seconds, values, seen))
  if (time_seconds !== undefined) stated.time_seconds = time_seconds
  const timestamp = textOf(valueAt(fields.timestamp, values, seen))
  if (timestamp !== undefined) stated.timestamp = timestamp
}

function stateLabels<R>(stated: Stated, fields: ReadyFields<R>, values: readonly unknown[], seen: Seen<R>): void {
  const attempt_id = textOf(valueAt(fields.attempt_id, values, seen))
  if (attempt_id !== undefined) stated.attempt_id = attempt_id
  const error_type = textOf(valueAt(fields.error_type, values, seen))
  if (error_type !== undefined) stated.error_type = error_type
  const experiment = textOf(valueAt(fields.experiment, values, seen))
  if (experiment !== undefined) stated.experiment = experiment
  const variant = textOf(valueAt(fields.variant, values, seen))
  if (variant !== undefined) stated.variant = variant
}

function stateCosts<R>(stated: Stated, fields: ReadyFields<R>, values: readonly unknown[], seen: Seen<R>): void {
  const input_tokens = numberOf(valueAt(fields.input_tokens, values, seen))
  if (input_tokens !== undefined) stated.input_tokens = input_tokens
  const output_tokens = numberOf(valueAt(fields.output_tokens, values, seen))
  if (output_tokens !== undefined) stated.output_tokens = output_tokens
  const cache_read_tokens = numberOf(valueAt(fields.cache_read_tokens, values, seen))
  if (cache_read_tokens !== undefined) stated.cache_read_tokens = cache_read_tokens
  const cache_write_tokens = numberOf(valueAt(fields.cache_write_tokens, values, seen))
  if (cache_write_tokens !== undefined) stated.cache_write_tokens = cache_write_tokens
  const cost_usd = numberOf(valueAt(fields.cost_usd, values, seen))
  if (cost_usd !== undefined) stated.cost_usd = cost_usd
}

/**
 * The one place where tokens are converted: by the GenAI conventions cached tokens are among the input tokens, an attempt states
 * them apart. Where they are more than the input tokens the sender does not follow the conventions and has them apart already.
 */
function stateTokensApart(stated: Stated): void {
  const { input_tokens: input, cache_read_tokens: read = 0, cache_write_tokens: written = 0 } = stated
  if (typeof input !== 'number' || typeof read !== 'number' || typeof written !== 'number') return
  if (input >= read + written) stated.input_tokens = input - read - written
}
