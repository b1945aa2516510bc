/** The first block of a snapshot: what its numbers mean, and how many entries of each kind follow. JSON, so that any version can read it. */
import type { TierSave } from '../../core/aggregate/time-tiers.ts'
import { fingerprintOf, type SummarySchema } from './schema.ts'

/** Entries of each kind, in the order of their blocks; buckets follow the cells, tier by tier. */
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
  /** Attempts that counted under the overflow key. */
  readonly overflowed: number
  /** The seed of the hashes of ids. */
  readonly seed: readonly [number, number]
  /** Whatever a series began up to then may have been counted. */
  readonly forgottenMs: number
  /** Alerts that are firing, and since when. */
  readonly alerts: readonly (readonly [alert: string, sinceMs: number])[]
  /** What was stated of experiments, as a JSON text: the name "Infinity" would be read back as a number otherwise. */
  readonly plans: string
}

/** The head as it stands in the file. */
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

/** Throws where the block is no head, or its schema is not that of its fingerprint. */
export function decodeHead(block: Uint8Array): SnapshotHead {
  const { fingerprint, ...head }: EncodedHead = JSON.parse(Buffer.from(block).toString('utf8'), (_name, value) =>
    value === 'Infinity' ? Infinity : value === '-Infinity' ? -Infinity : value,
  )
  if (fingerprint !== fingerprintOf(head.schema, head.tiers)) throw new RangeError('its fingerprint is wrong')
  return head
}
