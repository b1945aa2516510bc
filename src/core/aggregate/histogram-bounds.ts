/**
 * Bounds of the histograms. All stored histograms state their bounds. If the bounds change, a snapshot is counted again from the log, or
 * loses its histograms. Change them here only.
 */

/**
 * Upper bounds (inclusive) of the duration histogram, in seconds. One more bucket counts larger values. The first thirteen are those of
 * `gen_ai.invoke_agent.duration` in the GenAI conventions.
 */
export const DURATION_BOUNDS: readonly number[] = [
  0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6, 819.2, 1638.4, 3276.8,
]

/** Upper bounds (inclusive) of the confidence histogram and of the calibration bins. */
export const CONFIDENCE_BOUNDS: readonly number[] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
