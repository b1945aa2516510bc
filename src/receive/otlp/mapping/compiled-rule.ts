/** A rule, compiled: one log record or span -> what it states of an attempt. */
import { type AttemptField, type AttemptFieldName, FIELD_LIST, type ListedField } from '../../../core/attempt/fields.ts'
import { compile } from '../../compile.ts'
import type { StatedAttempt } from '../../read-attempt.ts'
import type { TelemetryRecord } from '../telemetry-record.ts'
import type { AttributeLookup } from './attribute-lookup.ts'
import { INPUT_WITHOUT_CACHE, statesCacheApart } from './cached-tokens.ts'
import { compileConditions } from './condition.ts'
import { booleanOf, type FieldSource, numberOf, resolveSources, textOf } from './field-sources.ts'
import type { OtlpRule, OtlpSource } from './mapping.ts'

/** A rule that is compiled once and applied to many records. */
export interface CompiledRule {
  readonly rule: OtlpRule
  /** Whether the rule applies to a record. */
  matches(record: TelemetryRecord): boolean
  /** What a record states by the rule, whether or not it makes an attempt. Of a rule that rolls up, without {@link defaultModel}. */
  statement(record: TelemetryRecord): StatedAttempt
  /** Whether an attempt of a record without a result is pending. Otherwise the record is no attempt. */
  isPending(record: TelemetryRecord): boolean
  /** The constant that names the model where neither the record nor the calls below it do. Undefined for a rule that does not roll up. */
  readonly defaultModel: unknown
}

/** Compiles a rule. The result is total, whatever the records hold. */
export function compileRule(rule: OtlpRule, attributes: AttributeLookup): CompiledRule {
  const applies = compileConditions(rule.when, attributes)
  const excepted = compileConditions(rule.unless, attributes)
  const model = rule.roll_up ? (rule.attempt.model_name ?? []) : []
  const defaultModel = model.find(isConstant)?.value
  const fields = resolveFields(rule, attributes)
  const state = compileState(fields)
  const withoutCache = attributes.lookup(INPUT_WITHOUT_CACHE)
  const result = attributes.lookup(RESULT)
  return {
    rule,
    defaultModel,
    matches: record => (applies === undefined || applies(record)) && (excepted === undefined || !excepted(record)),
    isPending: record => rule.pending || result(record) === 'pending',
    statement(record) {
      const stated: Stated = {}
      state(stated, fields, record.values, record, FUNCTIONS)
      // The status of a span is no result where its sender says so.
      if (stated.success !== undefined && result(record) === 'pending') delete stated.success
      const isApart = statesCacheApart(record.origin.scope, stated.model_name) && withoutCache(record) === undefined
      if (rule.input_tokens_include_cache && !isApart) excludeCachedTokens(stated)
      return stated
    },
  }
}

/** The attribute whose value `pending` says that the result becomes known later. The library sets it. */
const RESULT = 'agent.attempt.result'

type Stated = { -readonly [Name in AttemptFieldName]?: unknown }
type RuleFields = Readonly<Record<string, readonly FieldSource[]>>

function resolveFields({ attempt, roll_up }: OtlpRule, attributes: AttributeLookup): RuleFields {
  return Object.fromEntries(
    FIELD_LIST.map(({ name }) => {
      const sources = attempt[name] ?? []
      const own = roll_up && name === 'model_name' ? sources.filter(source => !isConstant(source)) : sources
      return [name, resolveSources(own, attributes)]
    }),
  )
}

const isConstant = (source: OtlpSource): source is Extract<OtlpSource, { readonly value: unknown }> =>
  typeof source === 'object' && 'value' in source

const CONVERSION: Readonly<Record<AttemptField['kind'], keyof typeof FUNCTIONS>> = {
  string: 'textOf',
  timestamp: 'textOf',
  boolean: 'booleanOf',
  number: 'numberOf',
  integer: 'numberOf',
}
const FUNCTIONS = { textOf, booleanOf, numberOf }

type State = (
  stated: Stated,
  fields: RuleFields,
  values: readonly unknown[],
  record: TelemetryRecord,
  functions: typeof FUNCTIONS,
) => void

/**
 * Writes what a record states of each field, always in the same order, so that attempts which state the same are objects of one shape.
 * The object is empty at first: V8 soon allocates object literals from here in the old space, where they keep their request alive.
 */
function compileState(fields: RuleFields): State {
  return compile<State>(
    ['stated', 'fields', 'values', 'record', 'functions'],
    ['const { textOf, booleanOf, numberOf } = functions', ...FIELD_LIST.map(field => stateField(field, fields))],
  )
}

/** The first source that gives a value counts. */
function stateField({ name, kind }: ListedField, fields: RuleFields): string {
  const isAbsent = `${name} === undefined || ${name} === ''`
  const values = (fields[name] ?? []).map((source, i) =>
    typeof source === 'number' ? `values[${source}]` : `fields.${name}[${i}](record)`,
  )
  if (values.length === 0) return ''
  return [
    `let ${name} = ${values.join(`\n if (${isAbsent}) ${name} = `)}`,
    `if (!(${isAbsent})) stated.${name} = ${CONVERSION[kind]}(${name})`,
  ].join('\n')
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
