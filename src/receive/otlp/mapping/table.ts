/** A user's own rules for what counts as an attempt: their schema, and how they change the shipped ones. */
import { z } from 'zod'
import { FIELD_LIST } from '../../../core/attempt/fields.ts'
import { DEFAULT_MAPPING } from './default-mapping.ts'
import type { OtlpMapping, OtlpRule } from './mapping.ts'

/** A user's table: changes to shipped rules, and new rules. */
export type OtlpTable = Readonly<Record<string, { readonly [Part in keyof OtlpRule]?: OtlpRule[Part] | undefined }>>

const FIELDS = FIELD_LIST.map(field => field.name)
const REQUIRED = FIELD_LIST.filter(field => field.required && field.name !== 'success').map(field => field.name)

const NO_SUCH_PART =
  /^record:(?!(?:time|id|trace_id|span_id|scope|event|body|name|operation|kind|parent_span_id|duration_seconds|error_type|success)$)/

const path = z
  .string()
  .min(1)
  .refine(text => !NO_SUCH_PART.test(text), 'is no part of a record')
const source = z.union(
  [
    path,
    z.strictObject({ from: path, scale: z.number().positive() }),
    z.strictObject({ from: path, in: z.array(z.string()).min(1) }),
    z.strictObject({ join: z.array(path).min(1) }),
    z.strictObject({ value: z.union([z.string(), z.number(), z.boolean()]) }),
  ],
  'must be the name of an attribute, {from, scale}, {from, in}, {join} or {value}',
)
const condition = z.union(
  [
    z.array(z.string()).min(1),
    z.strictObject({ prefix: z.array(z.string().min(1)).min(1) }),
    z.strictObject({ absent: z.boolean() }),
  ],
  'must be a list of values, {prefix} or {absent}',
)
const conditions = z.record(path, condition)
const change = z.strictObject({
  enabled: z.boolean().optional(),
  signal: z.enum(['logs', 'traces']).optional(),
  when: conditions.refine(when => Object.keys(when).length > 0, 'must name a place').optional(),
  unless: conditions.optional(),
  attempt: z.partialRecord(z.enum(FIELDS), z.array(source)).optional(),
  pending: z.boolean().optional(),
  input_tokens_include_cache: z.boolean().optional(),
  roll_up: z.boolean().optional(),
  roll_up_failure: z.boolean().optional(),
})

/** The schema of a user's table. A new rule must be complete. */
export const otlpTable: z.ZodType<OtlpTable> = z.record(z.string().min(1), change).superRefine((table, context) => {
  for (const [name, { signal, when, attempt, pending }] of Object.entries(table)) {
    if (Object.hasOwn(DEFAULT_MAPPING, name)) continue
    // An outcome names the attempt that it decides.
    const needed = [...REQUIRED, pending === true ? ('attempt_id' as const) : ('success' as const)]
    const missing = needed.filter(field => (attempt?.[field] ?? []).length === 0).map(field => `attempt.${field}`)
    if (when === undefined) missing.unshift('when')
    if (signal === undefined) missing.unshift('signal')
    if (missing.length === 0) continue
    context.addIssue({ code: 'custom', path: [name], message: `is a new rule and must state ${missing.join(', ')}` })
  }
})

/** The shipped rules with the changes of a valid table, part by part and field by field. New rules precede the shipped ones. */
export function mergeMapping(table: OtlpTable): OtlpMapping {
  const changed = Object.entries(table).map(([name, change]): [string, OtlpRule] => {
    const base = Object.hasOwn(DEFAULT_MAPPING, name) ? DEFAULT_MAPPING[name]! : NEW_RULE
    return [
      name,
      {
        enabled: change.enabled ?? base.enabled,
        signal: change.signal ?? base.signal,
        when: change.when ?? base.when,
        unless: change.unless ?? base.unless,
        attempt: { ...base.attempt, ...change.attempt },
        pending: change.pending ?? base.pending,
        input_tokens_include_cache: change.input_tokens_include_cache ?? base.input_tokens_include_cache,
        roll_up: change.roll_up ?? base.roll_up,
        roll_up_failure: change.roll_up_failure ?? base.roll_up_failure,
      },
    ]
  })
  const added = changed.filter(([name]) => !Object.hasOwn(DEFAULT_MAPPING, name))
  return Object.fromEntries([...added, ...Object.entries(DEFAULT_MAPPING), ...changed])
}

/** The changes of a table, for people: one line per rule. */
export function mappingChanges(table: OtlpTable): string[] {
  const merged = mergeMapping(table)
  return Object.entries(table).map(([name, change]) => {
    const rule = merged[name]!
    const state = rule.enabled ? 'on' : 'off'
    const of = rule.signal === 'logs' ? 'log records' : 'spans'
    if (!Object.hasOwn(DEFAULT_MAPPING, name)) return `${name}: new, for ${of}, ${state}`
    const parts = Object.keys(change).filter(part => part !== 'enabled' && part !== 'attempt')
    const fields = Object.keys(change.attempt ?? {}).map(field => `attempt.${field}`)
    const changed = [...parts, ...fields]
    return `${name}: ${state}${changed.length === 0 ? '' : `, with its own ${changed.join(', ')}`}`
  })
}

/** The defaults of a new rule. */
const NEW_RULE: OtlpRule = {
  enabled: true,
  signal: 'logs',
  when: {},
  unless: {},
  attempt: {},
  pending: false,
  input_tokens_include_cache: false,
  roll_up: false,
  roll_up_failure: false,
}
