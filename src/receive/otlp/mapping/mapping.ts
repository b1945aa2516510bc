/** Which log records and spans are attempts, and where each field of the attempt is found: plain data, so that it can be configured. */
import type { AttemptFieldName } from '../../../core/attempt/fields.ts'

/**
 * Where a value is found: an attribute by its name, `resource:NAME` for one of the sender's resource, or a part of the record
 * itself: `record:time`, `record:id`, `record:trace_id`, `record:span_id`; of a log record `record:event` and `record:body`; of a
 * span `record:name`, its first word `record:operation`, `record:duration_seconds` and `record:success` (neither an error status nor an `error.type`).
 */
export type OtlpPlace = string

/** One way to a value; the first of a field's ways that leads to one is taken. */
export type OtlpSource =
  | OtlpPlace
  /** A number in another unit: `{ "from": "duration_ms", "scale": 0.001 }`. */
  | { readonly from: OtlpPlace; readonly scale: number }
  /** Whether the value, where there is one, is among these. */
  | { readonly from: OtlpPlace; readonly in: readonly string[] }
  /** Values with `:` between them, where all of them are there. */
  | { readonly join: readonly OtlpPlace[] }
  /** The same for every record. */
  | { readonly value: string | number | boolean }

/** Where the fields of an attempt are found. */
export type OtlpFields = Readonly<Partial<Record<AttemptFieldName, readonly OtlpSource[]>>>

/** One kind of telemetry that counts as attempts. */
export interface OtlpRule {
  readonly enabled: boolean
  readonly signal: 'logs' | 'traces'
  /** A record is one of this kind when each of these places holds one of these values. */
  readonly when: Readonly<Record<OtlpPlace, readonly string[]>>
  readonly attempt: OtlpFields
  /** The sender counts cached tokens among its input tokens; an attempt counts them apart. */
  readonly input_tokens_include_cache: boolean
}

/** Rules by name. The first enabled one that fits a record is applied to it. */
export type OtlpMapping = Readonly<Record<string, OtlpRule>>
