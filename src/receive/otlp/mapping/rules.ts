/** The enabled rules of a mapping, compiled once for all requests. */

import type { Outcome } from '../../../core/fold.ts'
import { createKeyOrder } from '../protobuf/key-order.ts'
import type { TelemetryRecord } from '../telemetry-record.ts'
import { createModelCallReader, type ReadModelCall } from '../traces/model-call.ts'
import type { AttributeLookup, RecordAttributes } from './attribute-lookup.ts'
import { type CompiledRule, compileRule } from './compiled-rule.ts'
import { EVALUATION, outcomeOfRecord, outcomesOfSpan } from './evaluations.ts'
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
  /** The outcome that a log record states which no rule matches. Undefined for spans. */
  readonly evaluation?: ((record: TelemetryRecord) => Outcome | undefined) | undefined
  /** The rules that are off. */
  readonly unusedRules: UnusedRules
}

/** The rules for spans. */
export interface SpanRules extends Rules {
  readonly modelCall: ReadModelCall
  /** The outcomes that the events of a span state. `attemptId` is that of the attempt which the span is, if it is one. */
  readonly evaluations: (record: TelemetryRecord, attemptId: unknown) => readonly Outcome[]
}

/** The enabled rules for log records. */
export const logRules: (mapping: OtlpMapping) => Rules = compileOnce(mapping => {
  const attributes = logRecordLookup()
  const event = attributes.lookup('record:event')
  const time = attributes.lookup('record:time')
  const evaluation = (record: TelemetryRecord): Outcome | undefined =>
    event(record) === EVALUATION ? outcomeOfRecord(record, time) : undefined
  return { ...rulesFor('logs', mapping, logRecordLookup, undefined, attributes), evaluation }
})
/** The enabled rules for spans. */
export const spanRules: (mapping: OtlpMapping) => SpanRules = compileOnce(mapping => {
  const attributes = spanLookup()
  const { outcome } = createSpanEnd(attributes.lookup)
  const modelCall = createModelCallReader(attributes)
  const whyNone = (record: TelemetryRecord) => {
    const ended = outcome(record)
    return ended === 'success' || ended === 'failure' ? 'no_outcome' : ended
  }
  const time = attributes.lookup('record:time')
  const evaluations = (record: TelemetryRecord, attemptId: unknown): readonly Outcome[] =>
    outcomesOfSpan(record, attemptId, time)
  return { ...rulesFor('traces', mapping, spanLookup, whyNone, attributes), modelCall, evaluations }
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
