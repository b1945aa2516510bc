/** One log record or span -> the attempt that a rule finds in it. */
import type { NewAttempt } from '../../core/attempt.ts'
import { type FaultyAttempt, readAttempt, type SoundAttempt } from '../attempt-schema.ts'
import type { OtlpRule, OtlpSource } from './mapping.ts'
import type { Lookup, Places, Seen } from './record.ts'

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
export interface ReadyRule<R> {
  readonly rule: OtlpRule
  /** Whether a record is of the rule's kind. */
  fits(seen: Seen<R>): boolean
  /** The attempt that a record states by the rule, or everything that keeps it from being one. */
  attempt(seen: Seen<R>): SoundAttempt | FaultyAttempt
}

/** Makes a rule ready. Total, whatever the records hold. */
export function readyRule<R>(rule: OtlpRule, places: Places<R>): ReadyRule<R> {
  const conditions = Object.entries(rule.when).map(([place, values]) => ({ lookup: places(place), values }))
  // Always in the same order, so that attempts of the same fields are objects of the same shape.
  const fields = (Object.keys(FIELD_KINDS) as (keyof NewAttempt)[])
    .filter(name => rule.attempt[name] !== undefined)
    .map(name => ({
      name,
      kind: FIELD_KINDS[name],
      lookups: rule.attempt[name]!.map(source => bySource(source, places)),
    }))
  return {
    rule,
    fits: seen => conditions.every(({ lookup, values }) => values.includes(String(lookup(seen)))),
    attempt(seen) {
      const stated: Partial<Record<keyof NewAttempt, unknown>> = {}
      for (const { name, kind, lookups } of fields) {
        const value = firstOf(lookups, seen)
        if (value !== undefined) stated[name] = as(kind, value)
      }
      if (rule.input_tokens_include_cache) stateTokensApart(stated)
      return readAttempt(stated)
    },
  }
}

function firstOf<R>(lookups: readonly Lookup<R>[], seen: Seen<R>): unknown {
  for (const lookup of lookups) {
    const value = lookup(seen)
    if (value !== undefined && value !== '') return value
  }
  return undefined
}

function bySource<R>(source: OtlpSource, places: Places<R>): Lookup<R> {
  if (typeof source === 'string') return places(source)
  if ('value' in source) return () => source.value
  if ('join' in source) {
    const lookups = source.join.map(places)
    return seen => {
      const values = lookups.map(lookup => lookup(seen))
      return values.includes(undefined) ? undefined : values.join(':')
    }
  }
  const lookup = places(source.from)
  const convert = 'in' in source ? isAmong(source.in) : scaledBy(source.scale)
  return seen => {
    const value = lookup(seen)
    return value === undefined ? undefined : convert(value)
  }
}

const isAmong =
  (values: readonly string[]) =>
  (value: unknown): boolean =>
    values.includes(String(value))

function scaledBy(scale: number): (value: unknown) => unknown {
  return value => {
    const number = as('number', value)
    return typeof number === 'number' ? number * scale : value
  }
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
