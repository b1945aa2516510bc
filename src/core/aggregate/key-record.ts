/** The record of one key. There are thousands: what a checkpoint kept of one is made into a summary when somebody asks for it. */
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeySummary } from '../ports.ts'
import { type Bucket, type Counting, NO_TIERS, type TimeTiersState } from './buckets.ts'
import { type PackedRows, unpackRow } from './packed-rows.ts'
import type { Recent } from './recent.ts'
import { SUMMARY_WIDTH, type Summary } from './summary.ts'

/** Summaries as a checkpoint kept them. */
export interface KeptSummaries {
  readonly packed: PackedRows
  /** Room for one of them. */
  readonly room: () => Float64Array
}

/** A class: the summary is made when it is first asked for, without a function in every record. */
export class KeyRecord implements KeySummary, TimeTiersState {
  declare readonly key: AttemptKey
  declare readonly recent: Recent
  declare awake: Bucket[][]
  declare asleep: number
  declare counting: Counting | undefined
  /** Rises with every attempt, so that what was made of the record can be kept until then. */
  declare changes: number
  /** Undefined unless nobody has asked for the summary yet that a checkpoint kept. */
  declare kept: KeptSummaries | undefined
  /** Where it stands there. */
  declare readonly keptAt: number
  declare private row: Summary | undefined

  constructor(key: AttemptKey, recent: Recent, summary: Summary | undefined, kept?: KeptSummaries, keptAt = 0) {
    this.key = key
    this.recent = recent
    this.awake = NO_TIERS
    this.asleep = 0
    this.counting = undefined
    this.changes = 0
    this.kept = kept
    this.keptAt = keptAt
    this.row = summary
  }

  /** Live: do not write to it. */
  get summary(): Summary {
    return this.row ?? this.unpack()
  }

  private unpack(): Summary {
    const { packed, room } = this.kept!
    const row = room()
    unpackRow(packed, this.keptAt, SUMMARY_WIDTH, row)
    this.row = row
    this.kept = undefined
    return row
  }
}
