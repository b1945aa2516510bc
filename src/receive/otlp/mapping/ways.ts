/** The ways to the value of a field, and what it plainly is. Total, whatever the records hold. */
import { isPlainName } from '../protobuf/known-names.ts'
import type { OtlpSource } from './mapping.ts'
import type { Lookup, Places, Seen } from './places.ts'

/** The ways to a value: the slot of an attribute, or -1, and then whatever else. */
export interface Ways<R> {
  readonly slot: number
  readonly others: readonly Lookup<R>[]
}

/** Makes the sources of a field ready. */
export function waysTo<R>(sources: readonly OtlpSource[], places: Places<R>): Ways<R> {
  const [first] = sources
  const slot = typeof first === 'string' ? places.slotOf(first) : -1
  const others = slot < 0 ? sources : sources.slice(1)
  return { slot, others: others.map(source => bySource(source, places)) }
}

/** What of a record is plain whatever its sender says, besides attributes that are known to be. */
const PLAIN_PARTS = /^record:(?:time|id|trace_id|span_id|duration_seconds|success)$/

/** Whether a source leads to plain texts in a record whose attributes hold no others. */
export function isPlainSource(source: OtlpSource): boolean {
  if (typeof source === 'string') return PLAIN_PARTS.test(source) || !/^(?:record|resource):/.test(source)
  if ('join' in source) return source.join.every(isPlainSource)
  return 'from' in source ? isPlainSource(source.from) : isPlainName(String(source.value))
}

/** What the first of these lookups that finds something finds. */
export function firstOf<R>(lookups: readonly Lookup<R>[], seen: Seen<R>): unknown {
  for (const lookup of lookups) {
    const value = lookup(seen)
    if (value !== undefined && value !== '') return value
  }
  return undefined
}

function bySource<R>(source: OtlpSource, places: Places<R>): Lookup<R> {
  if (typeof source === 'string') return places.lookup(source)
  if ('value' in source) return () => source.value
  if ('join' in source) {
    const lookups = source.join.map(places.lookup)
    return seen => {
      const values = lookups.map(lookup => lookup(seen))
      return values.includes(undefined) ? undefined : values.join(':')
    }
  }
  const lookup = places.lookup(source.from)
  const convert = 'in' in source ? isAmong(source.in) : scaledBy(source.scale)
  return seen => {
    const value = lookup(seen)
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

// On their way through agents and collectors attributes lose their types; what plainly is the asked-for one is taken as such.

/** What plainly is a text. */
export const textOf = (value: unknown): unknown =>
  typeof value === 'number' || typeof value === 'boolean' ? String(value) : value

/** What plainly is a number. */
export const numberOf = (value: unknown): unknown =>
  typeof value === 'string' && NUMBER.test(value) ? Number(value) : value

/** What plainly is true or false. */
export const booleanOf = (value: unknown): unknown => (value === 'true' ? true : value === 'false' ? false : value)
