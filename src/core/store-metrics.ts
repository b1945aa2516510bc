/** Self-metrics of a store. Each log declares its own, so that no other code depends on the parts of a log. */

/** A metric as it is exposed. It has no labels. */
export interface StoreMetric {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** A UCUM code, as in OpenTelemetry. */
  readonly unit: string
  readonly help: string
  readonly labels: readonly []
}

/** A number, or a histogram: its inclusive upper bounds, and one count per bound plus one for larger values. */
export type StoreMetricValue =
  | number
  | {
      readonly bounds: readonly number[]
      readonly counts: readonly number[]
      readonly count: number
      readonly sum: number
    }

/** Values by name. A metric without a value is absent. */
export type StoreMetricValues = ReadonlyMap<string, StoreMetricValue>
