/** Looks up the paths of a mapping in records. Total: what is absent is undefined. */
import type { KeyOrder } from '../protobuf/key-order.ts'
import { attributeOf, scalarOf } from '../scalar.ts'
import type { KeyValue, Maybe } from '../schema.ts'
import type { TelemetryRecord } from '../telemetry-record.ts'
import type { OtlpPath } from './mapping.ts'

/** Finds a value in a record: a scalar, the scalars of a list, undefined, or an empty object for anything else. */
export type Lookup = (record: TelemetryRecord) => unknown

/** The lookups of `record:NAME` paths, by name. A part may depend on attributes. */
export type Parts = (attribute: (name: string) => Lookup) => ReadonlyMap<string, Lookup>

/** The lookups of one kind of record. Each attribute of the mapping has a slot, so that one pass over a record finds all values. */
export interface AttributeLookup {
  /** The slots by attribute name. */
  readonly slots: ReadonlyMap<unknown, number>
  /** The slot of an attribute; -1 for a path that is not one. */
  slotOf(path: OtlpPath): number
  lookup(path: OtlpPath): Lookup
  /** The values of a record without attributes. */
  createValues(): unknown[]
}

/** Where a reader of records writes the values of attributes. */
export interface RecordAttributes extends Pick<AttributeLookup, 'slots' | 'createValues'> {
  readonly keys: KeyOrder
}

/** Creates the lookups of records that have these parts. */
export function createAttributeLookup(partsOf: Parts): AttributeLookup {
  const slots = new Map<unknown, number>()
  const empty: unknown[] = []

  function slotOf(path: OtlpPath): number {
    return path.startsWith('record:') || path.startsWith('resource:') ? -1 : slotFor(path)
  }

  function slotFor(attribute: string): number {
    const slot = slots.get(attribute) ?? empty.push(undefined) - 1
    slots.set(attribute, slot)
    return slot
  }

  function lookupOf(attribute: string): Lookup {
    const slot = slotFor(attribute)
    return ({ values }) => values[slot]
  }

  const parts = partsOf(lookupOf)

  function lookup(path: OtlpPath): Lookup {
    if (path.startsWith('record:')) return parts.get(path.slice(7)) ?? (() => undefined)
    if (!path.startsWith('resource:')) return lookupOf(path)
    const key = path.slice(9)
    return ({ origin }) => attributeOf(origin.resource?.attributes, key)
  }

  return { slots, slotOf, lookup, createValues: () => empty.slice() }
}

/** The values of attributes by slot. Of attributes with the same name the first counts. */
export function valuesOf(
  attributes: Maybe<readonly KeyValue[]>,
  to: Pick<AttributeLookup, 'slots' | 'createValues'>,
): unknown[] {
  const values = to.createValues()
  for (const { key, value } of (attributes ?? []).toReversed()) {
    const slot = to.slots.get(key)
    if (slot !== undefined) values[slot] = scalarOf(value)
  }
  return values
}
