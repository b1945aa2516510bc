/** The enabled rules of a mapping, made ready once: a mapping is there for many requests. */
import { createKeyOrder, type KeyOrder } from '../protobuf/key-order.ts'
import type { LogRecord, Span } from '../schema.ts'
import { type ReadyRule, readyRule } from './attempt.ts'
import type { OtlpMapping, OtlpPlace, OtlpRule, OtlpSource } from './mapping.ts'
import type { Places } from './places.ts'
import { logRecordPlaces, spanPlaces } from './record.ts'

/** Rules for one kind of record, the first of which that fits is applied, and the places that they look at. */
export interface Rules<R> {
  readonly rules: readonly ReadyRule<R>[]
  readonly places: Places<R>
  /** The names of attributes that come. */
  readonly keys: KeyOrder
}

/** The enabled rules for log records. */
export const logRules: (mapping: OtlpMapping) => Rules<LogRecord> = readyOnce(mapping =>
  rulesFor('logs', mapping, logRecordPlaces()),
)
/** The enabled rules for spans. */
export const spanRules: (mapping: OtlpMapping) => Rules<Span> = readyOnce(mapping =>
  rulesFor('traces', mapping, spanPlaces()),
)

function readyOnce<R>(ready: (mapping: OtlpMapping) => Rules<R>): (mapping: OtlpMapping) => Rules<R> {
  const known = new WeakMap<OtlpMapping, Rules<R>>()
  return mapping => {
    const rules = known.get(mapping) ?? ready(mapping)
    known.set(mapping, rules)
    return rules
  }
}

function rulesFor<R>(signal: OtlpRule['signal'], mapping: OtlpMapping, places: Places<R>): Rules<R> {
  const enabled = Object.values(mapping).filter(rule => rule.enabled && rule.signal === signal)
  const rules = enabled.map(rule => readyRule(rule, places))
  const fresh = enabled.flatMap(({ attempt }) => [...(attempt.timestamp ?? []), ...(attempt.attempt_id ?? [])])
  return { rules, places, keys: createKeyOrder(places.slots, new Set(fresh.flatMap(placesOf))) }
}

function placesOf(source: OtlpSource): readonly OtlpPlace[] {
  if (typeof source === 'string') return [source]
  if ('join' in source) return source.join
  return 'from' in source ? [source.from] : []
}
