/** Which log records and spans are attempts, and where each field of the attempt is found: plain data, so that it can be configured. */
import type { AttemptFieldName } from '../../../core/attempt/fields.ts'

/**
 * Where a value is: an attribute by its name, `resource:NAME` for one of the sender's resource, or a part of the record
 * itself: `record:time`, `record:id`, `record:trace_id`, `record:span_id`, `record:scope` (the name of its instrumentation scope); of a log
 * record `record:event` and `record:body`; of a span `record:name`, its first word `record:operation`, `record:kind`, `record:parent_span_id`,
 * `record:duration_seconds`, `record:error_type` and `record:success` (neither an error status nor an `error.type`; undefined for interrupted work).
 */
export type OtlpPath = string

/** A source of a field. The first source that gives a value counts. */
export type OtlpSource =
  | OtlpPath
  /** A number in another unit: `{ "from": "duration_ms", "scale": 0.001 }`. */
  | { readonly from: OtlpPath; readonly scale: number }
  /** Whether the value, where there is one, is among these. */
  | { readonly from: OtlpPath; readonly in: readonly string[] }
  /** Values with `:` between them, where all of them are there. */
  | { readonly join: readonly OtlpPath[] }
  /** The same for every record. */
  | { readonly value: string | number | boolean }

/**
 * What a path has to hold: one of these values (of a list: among its values), a value with one of these prefixes, or no value at all
 * (`absent: true`) or any (`absent: false`).
 */
export type OtlpCondition = readonly string[] | { readonly prefix: readonly string[] } | { readonly absent: boolean }

/** Conditions by path. All of them must hold. */
export type OtlpConditions = Readonly<Record<OtlpPath, OtlpCondition>>

/** The sources of the fields of an attempt. */
export type OtlpFields = Readonly<Partial<Record<AttemptFieldName, readonly OtlpSource[]>>>

/** One kind of telemetry that counts as attempts. */
export interface OtlpRule {
  readonly enabled: boolean
  readonly signal: 'logs' | 'traces'
  /** The rule applies to a record where all of these hold. */
  readonly when: OtlpConditions
  /** It does not apply where all of these hold. Empty: no exception. */
  readonly unless: OtlpConditions
  readonly attempt: OtlpFields
  /** The sender counts cached tokens among its input tokens. An attempt counts them apart. */
  readonly input_tokens_include_cache: boolean
  /** The model and tokens that a span does not state are those of the model calls below it, in the same trace. */
  readonly roll_up: boolean
  /** A span that succeeded is a failure if the last of these model calls failed: for senders that never mark the span of a run. */
  readonly roll_up_failure: boolean
}

/** Rules by name. The first enabled rule that matches a record applies. */
export type OtlpMapping = Readonly<Record<string, OtlpRule>>
