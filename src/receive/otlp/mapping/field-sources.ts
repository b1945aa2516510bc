/** Where a rule finds the value of a field, and the conversion of attribute values. Total, whatever the records hold. */
import type { TelemetryRecord } from '../telemetry-record.ts'
import type { AttributeLookup, Lookup } from './attribute-lookup.ts'
import type { OtlpSource } from './mapping.ts'

/** A source of a field: the slot of an attribute, or a lookup of anything else. */
export type FieldSource = number | Lookup

/** Resolves the sources of a field. */
export function resolveSources(sources: readonly OtlpSource[], attributes: AttributeLookup): FieldSource[] {
  return sources.map(source => {
    const slot = typeof source === 'string' ? attributes.slotOf(source) : -1
    return slot < 0 ? bySource(source, attributes) : slot
  })
}

/** The value of the first lookup that finds one. */
export function firstOf(lookups: readonly Lookup[], record: TelemetryRecord): unknown {
  for (const lookup of lookups) {
    const value = lookup(record)
    if (value !== undefined && value !== '') return value
  }
  return undefined
}

function bySource(source: OtlpSource, attributes: AttributeLookup): Lookup {
  if (typeof source === 'string') return attributes.lookup(source)
  if ('value' in source) return () => source.value
  if ('join' in source) {
    const lookups = source.join.map(attributes.lookup)
    return record => {
      const values = lookups.map(lookup => lookup(record))
      return values.includes(undefined) ? undefined : values.join(':')
    }
  }
  const lookup = attributes.lookup(source.from)
  const convert = 'in' in source ? isAmong(source.in) : scaledBy(source.scale)
  return record => {
    const value = lookup(record)
    return value === undefined ? undefined : convert(value)
  }
}

const isAmong =
  (values: readonly string[]) =>
  (value: unknown): boolean =>
    values.includes(String(value))

function scaledBy(scale: number): (value: unknown) => unknown {
  return value => {
    const number = numberOf(value)
    return typeof number === 'number' ? number * scale : value
  }
}

const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/

// Attributes lose their types on their way through agents and collectors: accept unambiguous spellings of another type.

/** The string that a number or boolean spells; any other value unchanged. */
export const textOf = (value: unknown): unknown =>
  typeof value === 'number' || typeof value === 'boolean' ? String(value) : value

/** The number that a string spells; any other value unchanged. */
export const numberOf = (value: unknown): unknown =>
  typeof value === 'string' && NUMBER.test(value) ? Number(value) : value

/** The boolean that a string spells; any other value unchanged. */
export const booleanOf = (value: unknown): unknown => (value === 'true' ? true : value === 'false' ? false : value)
