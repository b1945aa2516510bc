/** The places of a mapping, made ready once to be looked up in many records. Total: what is not there is undefined. */
import { attributeOf, scalarOf } from '../scalar.ts'
import type { KeyValue, Maybe, Resource } from '../schema.ts'
import type { OtlpPlace } from './mapping.ts'

/** A log record or span that is looked into: the `k`th of the `j`th list of the `i`th sender of its request. */
export interface Seen<R> {
  readonly record: R
  readonly resource: Maybe<Resource>
  readonly i: number
  readonly j: number
  readonly k: number
  /** The values of its attributes by their slots, as soon as one was asked for. */
  values: readonly unknown[] | undefined
  /** Whether all texts among them are known to be plain. */
  readonly isPlain: boolean
}

/** What a record holds at a place: a scalar, undefined, or an empty object for anything else. */
export type Lookup<R> = (seen: Seen<R>) => unknown

/** What can be looked up of a record besides its attributes, by name. Parts may be made of attributes. */
export type Parts<R> = (attribute: (name: string) => Lookup<R>) => ReadonlyMap<string, Lookup<R>>

/** The places of one kind of record. Each attribute that was asked for has a slot, so that one pass over a record finds all of them. */
export interface Places<R> {
  /** The slots of all attributes that were asked for, by name. */
  readonly slots: ReadonlyMap<unknown, number>
  /** The slot of an attribute; -1 for a place that is none. */
  slotOf(place: OtlpPlace): number
  lookup(place: OtlpPlace): Lookup<R>
  /** What the attributes of a record hold, by their slots. */
  valuesOf(seen: Seen<R>): readonly unknown[]
}

/** Attributes that are remembered by their order, and how long their names may be. */
const MAX_REMEMBERED = 64
const MAX_LENGTH = 256

/** Places of records that have these parts. */
export function createPlaces<R extends { readonly attributes?: Maybe<KeyValue[]> }>(partsOf: Parts<R>): Places<R> {
  const slots = new Map<unknown, number>()
  const empty: unknown[] = []
  // Those of one sender mostly come in the same order, and a slot that is known by it need not be looked up.
  const remembered: { readonly key: string; readonly slot: number }[] = []

  function valuesOf(seen: Seen<R>): readonly unknown[] {
    seen.values ??= fill(seen.record.attributes ?? [])
    return seen.values
  }

  /** Puts values into their slots; of attributes of the same name the first counts. */
  function fill(attributes: readonly KeyValue[]): unknown[] {
    const values = empty.slice()
    for (let i = attributes.length - 1; i >= 0; i--) {
      const { key, value } = attributes[i]!
      const last = remembered[i]
      const slot = last !== undefined && last.key === key ? last.slot : find(key, i)
      if (slot >= 0) values[slot] = scalarOf(value)
    }
    return values
  }

  function find(key: Maybe<string>, i: number): number {
    const slot = slots.get(key) ?? -1
    if (i < MAX_REMEMBERED && key && key.length <= MAX_LENGTH) remembered[i] = { key, slot }
    return slot
  }

  function slotOf(place: OtlpPlace): number {
    return place.startsWith('record:') || place.startsWith('resource:') ? -1 : slotFor(place)
  }

  function slotFor(attribute: string): number {
    const slot = slots.get(attribute) ?? empty.push(undefined) - 1
    slots.set(attribute, slot)
    remembered.length = 0
    return slot
  }

  function lookupOf(attribute: string): Lookup<R> {
    const slot = slotFor(attribute)
    return seen => valuesOf(seen)[slot]
  }

  const parts = partsOf(lookupOf)

  function lookup(place: OtlpPlace): Lookup<R> {
    if (place.startsWith('record:')) return parts.get(place.slice(7)) ?? (() => undefined)
    if (!place.startsWith('resource:')) return lookupOf(place)
    const key = place.slice(9)
    return ({ resource }) => attributeOf(resource?.attributes, key)
  }

  return { slots, slotOf, lookup, valuesOf }
}
