/** The enabled rules of a mapping, compiled once for all requests. */
import { createKeyOrder, type KeyOrder } from '../protobuf/key-order.ts'
import type { LogRecord, Span } from '../schema.ts'
import type { AttributeLookup } from './attribute-lookup.ts'
import { type CompiledRule, compileRule } from './compiled-rule.ts'
import type { OtlpMapping, OtlpPath, OtlpRule, OtlpSource } from './mapping.ts'
import { logRecordLookup, spanLookup } from './record.ts'

/** The rules for one kind of record, of which the first that matches applies, and their lookups. */
export interface Rules<R> {
  readonly rules: readonly CompiledRule<R>[]
  readonly attributes: AttributeLookup<R>
  /** Finds attribute names by their bytes. */
  readonly keys: KeyOrder
}

/** The enabled rules for log records. */
export const logRules: (mapping: OtlpMapping) => Rules<LogRecord> = compileOnce(mapping =>
  rulesFor('logs', mapping, logRecordLookup()),
)
/** The enabled rules for spans. */
export const spanRules: (mapping: OtlpMapping) => Rules<Span> = compileOnce(mapping =>
  rulesFor('traces', mapping, spanLookup()),
)

function compileOnce<R>(compileRules: (mapping: OtlpMapping) => Rules<R>): (mapping: OtlpMapping) => Rules<R> {
  const known = new WeakMap<OtlpMapping, Rules<R>>()
  return mapping => {
    const rules = known.get(mapping) ?? compileRules(mapping)
    known.set(mapping, rules)
    return rules
  }
}

function rulesFor<R>(signal: OtlpRule['signal'], mapping: OtlpMapping, attributes: AttributeLookup<R>): Rules<R> {
  const enabled = Object.values(mapping).filter(rule => rule.enabled && rule.signal === signal)
  const rules = enabled.map(rule => compileRule(rule, attributes))
  const volatile = enabled.flatMap(({ attempt }) => [
    ...(attempt.timestamp ?? []),
    ...(attempt.attempt_id ?? []),
    ...(attempt.trace_id ?? []),
  ])
  return { rules, attributes, keys: createKeyOrder(attributes.slots, new Set(volatile.flatMap(pathsOf))) }
}

function pathsOf(source: OtlpSource): readonly OtlpPath[] {
  if (typeof source === 'string') return [source]
  if ('join' in source) return source.join
  return 'from' in source ? [source.from] : []
}
