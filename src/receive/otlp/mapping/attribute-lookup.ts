/** Looks up the paths of a mapping in records. Total: what is absent is undefined. */
import { attributeOf, scalarOf } from '../scalar.ts'
import type { KeyValue, Maybe, Resource, Scope } from '../schema.ts'
import type { OtlpPath } from './mapping.ts'

/** A log record or span in its request: `resourceLogs[i].scopeLogs[j].logRecords[k]`, or the same of spans. */
export interface RecordContext<R> {
  readonly record: R
  readonly resource: Maybe<Resource>
  readonly scope: Maybe<Scope>
  readonly i: number
  readonly j: number
  readonly k: number
  /** The values of its attributes by slot; undefined until the first lookup. */
  values: readonly unknown[] | undefined
  /** Whether all strings among the values are known to need no escapes in JSON. */
  readonly isUnescaped: boolean
}

/** Finds a value in a record: a scalar, the scalars of a list, undefined, or an empty object for anything else. */
export type Lookup<R> = (context: RecordContext<R>) => unknown

/** The lookups of `record:NAME` paths, by name. A part may depend on attributes. */
export type Parts<R> = (attribute: (name: string) => Lookup<R>) => ReadonlyMap<string, Lookup<R>>

/** The lookups of one kind of record. Each attribute of the mapping has a slot, so that one pass over a record finds all values. */
export interface AttributeLookup<R> {
  /** The slots by attribute name. */
  readonly slots: ReadonlyMap<unknown, number>
  /** The slot of an attribute; -1 for a path that is not one. */
  slotOf(path: OtlpPath): number
  lookup(path: OtlpPath): Lookup<R>
  /** The values of the attributes of a record, by slot. */
  valuesOf(context: RecordContext<R>): readonly unknown[]
}

/** Attributes whose position is cached, and the longest cached name. */
const MAX_CACHED = 64
const MAX_LENGTH = 256

/** Creates the lookups of records that have these parts. */
export function createAttributeLookup<R extends { readonly attributes?: Maybe<KeyValue[]> }>(
  partsOf: Parts<R>,
): AttributeLookup<R> {
  const slots = new Map<unknown, number>()
  const empty: unknown[] = []
  // Cache the slot by position: a sender mostly writes its attributes in the same order.
  const cached: { readonly key: string; readonly slot: number }[] = []

  function valuesOf(context: RecordContext<R>): readonly unknown[] {
    context.values ??= fill(context.record.attributes ?? [])
    return context.values
  }

  /** Writes values to their slots. Of attributes with the same name the first counts. */
  function fill(attributes: readonly KeyValue[]): unknown[] {
    const values = empty.slice()
    for (let i = attributes.length - 1; i >= 0; i--) {
      const { key, value } = attributes[i]!
      const last = cached[i]
      const slot = last !== undefined && last.key === key ? last.slot : find(key, i)
      if (slot >= 0) values[slot] = scalarOf(value)
    }
    return values
  }

  function find(key: Maybe<string>, i: number): number {
    const slot = slots.get(key) ?? -1
    if (i < MAX_CACHED && key && key.length <= MAX_LENGTH) cached[i] = { key, slot }
    return slot
  }

  function slotOf(path: OtlpPath): number {
    return path.startsWith('record:') || path.startsWith('resource:') ? -1 : slotFor(path)
  }

  function slotFor(attribute: string): number {
    const slot = slots.get(attribute) ?? empty.push(undefined) - 1
    slots.set(attribute, slot)
    cached.length = 0
    return slot
  }

  function lookupOf(attribute: string): Lookup<R> {
    const slot = slotFor(attribute)
    return context => valuesOf(context)[slot]
  }

  const parts = partsOf(lookupOf)

  function lookup(path: OtlpPath): Lookup<R> {
    if (path.startsWith('record:')) return parts.get(path.slice(7)) ?? (() => undefined)
    if (!path.startsWith('resource:')) return lookupOf(path)
    const key = path.slice(9)
    return ({ resource }) => attributeOf(resource?.attributes, key)
  }

  return { slots, slotOf, lookup, valuesOf }
}
