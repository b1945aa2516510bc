/** What a family of metrics is: one name, and every series that has it. */
import type { KeySummary } from '../core/ports.ts'

export interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /**
   * As OpenTelemetry spells units (UCUM); empty for a gauge without one: Collectors append `_ratio` to the name where it is
   * `1`.
   */
  readonly unit: string
  readonly help: string
  /** `le` of histograms aside. */
  readonly labels: readonly string[]
}

/** Buckets (not cumulative) and what they hold together. Where there are fewer than bounds, the others are empty. */
export interface Buckets {
  readonly counts: ArrayLike<number>
  /** The sum of `counts`. */
  readonly count: number
  readonly sum: number
}

/** A family with the same series for every key: one, or one for each value of its last label. */
interface PerKey extends Family {
  /** All values of the last label; absent where the family has the key's own labels only. */
  readonly values?: readonly string[]
}

interface KeyNumbers extends PerKey {
  readonly type: 'counter' | 'gauge'
  /** One number for each value, in the order of `values`; undefined where there is nothing to say. `keys` is how many keys there are. */
  read(one: KeySummary, keys: number): readonly (number | undefined)[]
}

interface KeyHistograms extends PerKey {
  readonly type: 'histogram'
  /** Upper bounds (inclusive); one more bucket holds what is above them. */
  readonly bounds: readonly number[]
  /** One histogram for each value, in the order of `values`. */
  read(one: KeySummary): readonly Buckets[]
}

export type KeyFamily = KeyNumbers | KeyHistograms
