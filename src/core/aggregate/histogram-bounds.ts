/**
 * Bounds of the histograms. Everything that is stored under them names them: a snapshot under other bounds is counted again from the log or
 * loses its histograms, so change them here and nowhere else.
 */

/**
 * Upper bounds (inclusive) of the duration histogram, in seconds; one more bucket holds what is above them. The first thirteen are those of
 * `gen_ai.invoke_agent.duration` in the GenAI conventions.
 */
export const DURATION_BOUNDS: readonly number[] = [
  0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6, 819.2, 1638.4, 3276.8,
]

/** Upper bounds (inclusive) of the confidence histogram, which are the calibration bins too. */
export const CONFIDENCE_BOUNDS: readonly number[] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
