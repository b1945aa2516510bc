/** One log record or span -> what a rule finds in it of an attempt. */
import { type AttemptField, type AttemptFieldName, FIELD_LIST, type ListedField } from '../../../core/attempt/fields.ts'
import { compile } from '../../compile.ts'
import type { StatedAttempt } from '../../read-attempt.ts'
import type { OtlpRule } from './mapping.ts'
import type { Places, Seen } from './places.ts'
import { booleanOf, firstOf, isPlainSource, numberOf, textOf, type Ways, waysTo } from './ways.ts'

/** A rule made ready for many records. */
export interface ReadyRule<R> {
  readonly rule: OtlpRule
  /** Whether the attempts of records whose texts are plain hold nothing but plain texts. */
  readonly keepsPlain: boolean
  /** Whether a record is of the rule's kind. */
  fits(seen: Seen<R>): boolean
  /** What a record states by the rule, whether or not it makes an attempt. */
  statement(seen: Seen<R>): StatedAttempt
}

/** Makes a rule ready. Total, whatever the records hold. */
export function readyRule<R>(rule: OtlpRule, places: Places<R>): ReadyRule<R> {
  const conditions = Object.entries(rule.when).map(([place, values]) => ({ lookup: places.lookup(place), values }))
  const fields = readyFields(rule, places)
  const state = compileState(fields)
  return {
    rule,
    keepsPlain: Object.values(rule.attempt).every(sources => sources.every(isPlainSource)),
    fits(seen) {
      for (const { lookup, values } of conditions) if (!values.includes(String(lookup(seen)))) return false
      return true
    },
    statement(seen) {
      const stated: Stated = {}
      state(stated, fields, places.valuesOf(seen), seen, FUNCTIONS)
      if (rule.input_tokens_include_cache) excludeCachedTokens(stated)
      return stated
    },
  }
}

type Stated = { -readonly [Name in AttemptFieldName]?: unknown }
type ReadyFields<R> = Readonly<Record<AttemptFieldName, Ways<R>>>

function readyFields<R>({ attempt }: OtlpRule, places: Places<R>): ReadyFields<R> {
  return Object.fromEntries(FIELD_LIST.map(({ name }) => [name, waysTo(attempt[name] ?? [], places)])) as ReadyFields<R>
}

/** Attributes lose their types on their way through agents and collectors: what plainly is of a field's type is taken as such. */
const CONVERSION: Readonly<Record<AttemptField['kind'], keyof typeof FUNCTIONS>> = {
  string: 'textOf',
  timestamp: 'textOf',
  boolean: 'booleanOf',
  number: 'numberOf',
  integer: 'numberOf',
}
const FUNCTIONS = { textOf, booleanOf, numberOf, firstOf }

type State<R> = (
  stated: Stated,
  fields: ReadyFields<R>,
  values: readonly unknown[],
  seen: Seen<R>,
  functions: typeof FUNCTIONS,
) => void

/**
 * Writes what a record states of each field, always in the same order, so that attempts which state the same are objects of one shape.
 * The object is empty at first: V8 soon allocates object literals from here in the old space, where they keep their request alive.
 */
function compileState<R>(fields: ReadyFields<R>): State<R> {
  return compile<State<R>>(
    ['stated', 'fields', 'values', 'seen', 'functions'],
    [
      'const { textOf, booleanOf, numberOf, firstOf } = functions',
      ...FIELD_LIST.map(field => stateField(field, fields)),
    ],
  )
}

function stateField<R>({ name, kind }: ListedField, fields: ReadyFields<R>): string {
  const { slot, others } = fields[name]
  if (slot < 0 && others.length === 0) return ''
  return `let ${name} = ${slot < 0 ? 'undefined' : `values[${slot}]`}
    if (${name} === undefined || ${name} === '') ${name} = ${others.length === 0 ? 'undefined' : `firstOf(fields.${name}.others, seen)`}
    if (${name} !== undefined) stated.${name} = ${CONVERSION[kind]}(${name})`
}

/**
 * The one place where tokens are converted: the GenAI conventions count cached tokens among the input tokens, an attempt counts them
 * apart. A sender with more cached than input tokens does not follow the conventions, and counts them apart already.
 */
function excludeCachedTokens(stated: Stated): void {
  const { input_tokens: input, cache_read_tokens: read = 0, cache_write_tokens: written = 0 } = stated
  if (typeof input !== 'number' || typeof read !== 'number' || typeof written !== 'number') return
  if (input >= read + written) stated.input_tokens = input - read - written
}
