/** The enabled rules of a mapping, compiled once for all requests. */
import { createKeyOrder } from '../protobuf/key-order.ts'
import type { TelemetryRecord } from '../telemetry-record.ts'
import { createModelCallReader, type ReadModelCall } from '../traces/model-call.ts'
import type { AttributeLookup, RecordAttributes } from './attribute-lookup.ts'
import { type CompiledRule, compileRule } from './compiled-rule.ts'
import type { OtlpMapping, OtlpRule } from './mapping.ts'
import { logRecordLookup, spanLookup } from './record.ts'
import { createSpanEnd } from './span-outcome.ts'
import { createUnusedRules, type UnusedRules } from './unused-rules.ts'

/** The rules for one kind of record, of which the first that matches applies, and their lookups. */
export interface Rules {
  readonly rules: readonly CompiledRule[]
  readonly attributes: RecordAttributes
  /** Why a record without a usable outcome has none. Undefined for log records, which are invalid then. */
  readonly outcomeOf: ((record: TelemetryRecord) => 'no_outcome' | 'interrupted' | 'aborted') | undefined
  /** The rules that are off. */
  readonly unusedRules: UnusedRules
}

/** The rules for spans. */
export interface SpanRules extends Rules {
  readonly modelCall: ReadModelCall
}

/** The enabled rules for log records. */
export const logRules: (mapping: OtlpMapping) => Rules = compileOnce(mapping =>
  rulesFor('logs', mapping, logRecordLookup, undefined),
)
/** The enabled rules for spans. */
export const spanRules: (mapping: OtlpMapping) => SpanRules = compileOnce(mapping => {
  const attributes = spanLookup()
  const { outcome } = createSpanEnd(attributes.lookup)
  const modelCall = createModelCallReader(attributes)
  const whyNone = (record: TelemetryRecord) => {
    const ended = outcome(record)
    return ended === 'success' || ended === 'failure' ? 'no_outcome' : ended
  }
  return { ...rulesFor('traces', mapping, spanLookup, whyNone, attributes), modelCall }
})

function compileOnce<Compiled>(compileRules: (mapping: OtlpMapping) => Compiled): (mapping: OtlpMapping) => Compiled {
  const known = new WeakMap<OtlpMapping, { readonly compiled: Compiled }>()
  return mapping => {
    const { compiled } = known.get(mapping) ?? { compiled: compileRules(mapping) }
    known.set(mapping, { compiled })
    return compiled
  }
}

function rulesFor(
  signal: OtlpRule['signal'],
  mapping: OtlpMapping,
  createLookup: () => AttributeLookup,
  outcomeOf: Rules['outcomeOf'],
  attributes: AttributeLookup = createLookup(),
): Rules {
  const enabled = Object.values(mapping).filter(rule => rule.enabled && rule.signal === signal)
  const rules = enabled.map(rule => compileRule(rule, attributes))
  const unusedRules = createUnusedRules(signal, mapping, createLookup)
  const keys = createKeyOrder(attributes.slots)
  return { rules, attributes: { ...attributes, keys }, outcomeOf, unusedRules }
}
