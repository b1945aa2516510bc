/** Metric families: one name, and all series that have it. */

/** The description of a family. */
export interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** A UCUM unit, as in OpenTelemetry. Empty for a gauge without a unit: for the unit `1`, Collectors append `_ratio` to the name. */
  readonly unit: string
  readonly help: string
  /** Label names, without `le` of histograms. */
  readonly labels: readonly string[]
}

/** A histogram. The counts are not cumulative; counts beyond the end of the array are 0. */
export interface Buckets {
  readonly counts: ArrayLike<number>
  /** The sum of `counts`. */
  readonly count: number
  readonly sum: number
}

/** The subject of a series: a key, an arm or an experiment. The fields of `key` are its labels. */
export interface Labelled {
  readonly key: object
  /** The labels in the syntax of the text format. */
  readonly labels: string
}

/** A family with the same series for each subject: one, or one for each value of its last label. */
interface PerSubject extends Family {
  /** All values of the last label. Absent if the family has no labels but those of the subject. */
  readonly values?: readonly string[]
}

interface Numbers<One> extends PerSubject {
  readonly type: 'counter' | 'gauge'
  /** One number for each value, in the order of `values`. Undefined omits the series. */
  read(one: One): readonly (number | undefined)[]
}

interface Histograms<One> extends PerSubject {
  readonly type: 'histogram'
  /** Inclusive upper bounds. One more bucket holds all values above them. */
  readonly bounds: readonly number[]
  /** One histogram for each value, in the order of `values`. */
  read(one: One): readonly Buckets[]
}

/** A family whose subjects are of type `One`. */
export type FamilyOf<One> = Numbers<One> | Histograms<One>
