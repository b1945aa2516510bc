/** The rates that drift is tested for, by the definition of Cohen's h. */

/** Cohen's h of the shift that the CUSUM tests for. */
const SHIFT = 0.33

const angle = (rate: number): number => 2 * Math.asin(Math.sqrt(rate))
const rateAt = (radians: number): number => Math.sin(radians / 2) ** 2

export function shiftedRates(rate: number): { readonly down: number; readonly up: number } {
  return { down: rateAt(angle(rate) - SHIFT), up: rateAt(angle(rate) + SHIFT) }
}
