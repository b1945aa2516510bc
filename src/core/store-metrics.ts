/** Metrics that a store has about itself: a log names its own, so that nothing else needs to know what it is made of. */

/** A metric as it is exposed. It has no labels. */
export interface StoreMetric {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** As OpenTelemetry spells units (UCUM). */
  readonly unit: string
  readonly help: string
  readonly labels: readonly []
}

/** A number; or for a histogram its inclusive upper bounds, and counts with one more for what is above them. */
export type StoreMetricValue =
  | number
  | {
      readonly bounds: readonly number[]
      readonly counts: readonly number[]
      readonly count: number
      readonly sum: number
    }

/** Values by name; one that has none now is absent. */
export type StoreMetricValues = ReadonlyMap<string, StoreMetricValue>
