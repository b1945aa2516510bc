/** What a family of metrics is: one name, and every series that has it. */

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

/** What a family tells of: a key, an arm, an experiment. Its names are its labels. */
export interface Labelled {
  readonly key: object
  /** The text of its labels. */
  readonly labels: string
}

/** A family with the same series for each of many: one, or one for each value of its last label. */
interface PerOne extends Family {
  /** All values of the last label; absent where the family has no labels but the names. */
  readonly values?: readonly string[]
}

interface Numbers<One> extends PerOne {
  readonly type: 'counter' | 'gauge'
  /** One number for each value, in the order of `values`; undefined where there is nothing to say. `among` is how many there are of its kind. */
  read(one: One, among: number): readonly (number | undefined)[]
}

interface Histograms<One> extends PerOne {
  readonly type: 'histogram'
  /** Upper bounds (inclusive); one more bucket holds what is above them. */
  readonly bounds: readonly number[]
  /** One histogram for each value, in the order of `values`. */
  read(one: One): readonly Buckets[]
}

/** A family about `One`s. */
export type FamilyOf<One> = Numbers<One> | Histograms<One>
