/** One log record or span -> the attempt that a rule finds in it. */
import type { AttemptProblem, NewAttempt } from '../../core/attempt.ts'
import { readAttempt } from '../attempt-schema.ts'
import type { OtlpRule, OtlpSource } from './mapping.ts'
import type { Lookup } from './record.ts'

type Kind = 'text' | 'number' | 'boolean'

/** Every field of an attempt, and what it is. */
export const FIELD_KINDS: Readonly<Record<keyof NewAttempt, Kind>> = {
  agent_name: 'text',
  model_name: 'text',
  issue_type: 'text',
  success: 'boolean',
  confidence: 'number',
  time_seconds: 'number',
  timestamp: 'text',
  attempt_id: 'text',
  error_type: 'text',
  experiment: 'text',
  variant: 'text',
  input_tokens: 'number',
  output_tokens: 'number',
  cache_read_tokens: 'number',
  cache_write_tokens: 'number',
  cost_usd: 'number',
}

/** A rule made ready for many records. */
export interface ReadyRule {
  readonly rule: OtlpRule
  /** Whether a record is of the rule's kind. */
  fits(lookup: Lookup): boolean
  /** The attempt that a record states by the rule, or everything that keeps it from being one. */
  attempt(lookup: Lookup): NewAttempt | readonly AttemptProblem[]
}

/** Makes a rule ready. Total, whatever the records hold. */
export function readyRule(rule: OtlpRule): ReadyRule {
  const conditions = Object.entries(rule.when)
  const fields = Object.entries(rule.attempt) as [keyof NewAttempt, readonly OtlpSource[]][]
  return {
    rule,
    fits: lookup => conditions.every(([place, values]) => values.includes(String(lookup(place)))),
    attempt(lookup) {
      const stated: Partial<Record<keyof NewAttempt, unknown>> = {}
      for (const [field, sources] of fields) {
        const value = firstOf(sources, lookup)
        if (value !== undefined) stated[field] = as(FIELD_KINDS[field], value)
      }
      if (rule.input_tokens_include_cache) stateTokensApart(stated)
      const read = readAttempt(stated)
      return read.attempt ?? read.problems
    },
  }
}

function firstOf(sources: readonly OtlpSource[], lookup: Lookup): unknown {
  for (const source of sources) {
    const value = valueBy(source, lookup)
    if (value !== undefined && value !== '') return value
  }
  return undefined
}

function valueBy(source: OtlpSource, lookup: Lookup): unknown {
  if (typeof source === 'string') return lookup(source)
  if ('value' in source) return source.value
  if ('join' in source) {
    const values = source.join.map(lookup)
    return values.includes(undefined) ? undefined : values.join(':')
  }
  const value = lookup(source.from)
  if (value === undefined) return undefined
  if ('in' in source) return source.in.includes(String(value))
  const number = as('number', value)
  return typeof number === 'number' ? number * source.scale : value
}

const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/

/** On their way through agents and collectors attributes lose their types; what plainly is the asked-for one is taken as such. */
function as(kind: Kind, value: unknown): unknown {
  if (kind === 'text') return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
  if (typeof value !== 'string') return value
  if (kind === 'number') return NUMBER.test(value) ? Number(value) : value
  return value === 'true' || value === 'false' ? value === 'true' : value
}

/**
 * The one place where tokens are converted: by the GenAI conventions cached tokens are among the input tokens, an attempt states
 * them apart. Where they are more than the input tokens the sender does not follow the conventions and has them apart already.
 */
function stateTokensApart(stated: Partial<Record<keyof NewAttempt, unknown>>): void {
  const { input_tokens: input, cache_read_tokens: read = 0, cache_write_tokens: written = 0 } = stated
  if (typeof input !== 'number' || typeof read !== 'number' || typeof written !== 'number') return
  if (input >= read + written) stated.input_tokens = input - read - written
}
