/** The first block of a snapshot: the schema, and the number of entries of each kind. JSON, so that any version can read it. */
import type { TierSave } from '../../core/aggregate/time-tiers.ts'
import type { Limits } from '../../core/fold.ts'
import { fingerprintOf, type SummarySchema } from './schema.ts'

/** Entries of each kind, in the order of their blocks. Buckets follow the cells, tier by tier. */
export interface EntryCounts {
  readonly names: number
  readonly keys: number
  readonly arms: number
  /** Pairs of an arm and a key. */
  readonly cells: number
  readonly ids: number
  readonly series: number
}

export interface SnapshotHead {
  readonly schema: SummarySchema
  readonly tiers: readonly (TierSave & { readonly buckets: number })[]
  readonly counts: EntryCounts
  /** Attempts counted under the overflow key. */
  readonly overflowed: number
  /** The hash seed of the dedup window. */
  readonly seed: readonly [number, number]
  /** The limits in force when it was taken. Undefined if the settings decide. */
  readonly limits?: Limits | undefined
  /** Series that started up to this time may be counted already, although they are not in the snapshot. */
  readonly forgottenMs: number
  /** The alerts, as a JSON text for the same reason as {@link plans}. */
  readonly alerts: string
  /** The plans of experiments, as a JSON text. In the JSON of the head, the name "Infinity" would be read back as a number. */
  readonly plans: string
}

/** The head as it is encoded. */
interface EncodedHead extends SnapshotHead {
  readonly fingerprint: string
}

/** Keeps blocks aligned to eight bytes. */
const ALIGNMENT = 8

export function encodeHead(head: SnapshotHead): Uint8Array {
  const encoded: EncodedHead = { fingerprint: fingerprintOf(head.schema, head.tiers), ...head }
  const text = JSON.stringify(encoded, (_name, value) => (Math.abs(value) === Infinity ? String(value) : value))
  const bytes = Buffer.from(text)
  const padded = Buffer.alloc(Math.ceil(bytes.length / ALIGNMENT) * ALIGNMENT, ' ')
  padded.set(bytes)
  return padded
}

/** Throws if the block is not a head, or its fingerprint is not that of its schema. */
export function decodeHead(block: Uint8Array): SnapshotHead {
  const { fingerprint, ...head }: EncodedHead = JSON.parse(Buffer.from(block).toString('utf8'), (_name, value) =>
    value === 'Infinity' ? Infinity : value === '-Infinity' ? -Infinity : value,
  )
  if (fingerprint !== fingerprintOf(head.schema, head.tiers)) throw new RangeError('its fingerprint is wrong')
  return head
}
