/** The probability of finding a true difference for which numbers of attempts are computed. */
export const POWER = 0.8
