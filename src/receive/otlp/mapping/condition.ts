/** The conditions of a rule, compiled. Total, whatever the records hold. */
import type { TelemetryRecord } from '../telemetry-record.ts'
import type { AttributeLookup } from './attribute-lookup.ts'
import type { OtlpCondition, OtlpConditions } from './mapping.ts'

/** Whether all conditions hold for a record. */
export type Holds = (record: TelemetryRecord) => boolean

/** Compiles conditions. Undefined if there are none. */
export function compileConditions(conditions: OtlpConditions, attributes: AttributeLookup): Holds | undefined {
  const all = Object.entries(conditions).map(([path, condition]) => ({
    lookup: attributes.lookup(path),
    holds: compileCondition(condition),
  }))
  if (all.length === 0) return undefined
  return record => {
    for (const { lookup, holds } of all) if (!holds(lookup(record))) return false
    return true
  }
}

function compileCondition(condition: OtlpCondition): (value: unknown) => boolean {
  if ('absent' in condition) return value => (value === undefined || value === '') === condition.absent
  if ('prefix' in condition) {
    const { prefix } = condition
    return anyValue(text => prefix.some(one => text.startsWith(one)))
  }
  return anyValue(text => condition.includes(text))
}

/** Whether a value, or one of a list, passes. */
function anyValue(passes: (text: string) => boolean): (value: unknown) => boolean {
  return value => {
    if (Array.isArray(value)) return value.some(one => passes(String(one)))
    return value !== undefined && passes(String(value))
  }
}
