import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addExact,
  addExactSquare,
  exactSumAt,
  mergeExact,
  squaredDeviations,
  stepOf,
} from '../../../src/core/aggregate/exact-sum.ts'

const EXPONENT = -66
const STEP = stepOf(EXPONENT)

/** Far apart, of both signs, and such that sums lie just between two doubles. */
const addends = fc.array(
  fc.oneof(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.double({ min: -1e-12, max: 1e-12, noNaN: true }),
    fc.constantFrom(
      0.1,
      0.3,
      -0.1,
      1,
      2 ** 26,
      -(2 ** 26),
      2 ** -27,
      2 ** -66,
      2 ** -67,
      3 * 2 ** -67,
      Number.MIN_VALUE,
    ),
  ),
  { maxLength: 60 },
)

function sumOf(numbers: readonly number[]): Float64Array {
  const sums = new Float64Array(2)
  for (const x of numbers) addExact(sums, 0, x, STEP)
  return sums
}

/** In whole steps, as integers without end. */
const inSteps = (x: number): bigint => BigInt(x * 2 ** -EXPONENT)

/** The nearest multiple of the step, as the sum takes it. */
function rounded(x: number): number {
  const [sum] = sumOf([x])
  return sum!
}

describe('an exact sum', () => {
  test('is the sum of its rounded addends without any error, in every order', () => {
    fc.assert(
      fc.property(addends, numbers => {
        const exact = numbers.reduce((sum, x) => sum + inSteps(rounded(x)), 0n)
        for (const order of [numbers, numbers.toReversed(), numbers.toSorted((a, b) => a - b)]) {
          const [hi, lo] = sumOf(order)
          expect(inSteps(hi!) + inSteps(lo!)).toBe(exact)
        }
      }),
    )
  })

  test('of two merged is the sum of both, bracketed as one likes', () => {
    fc.assert(
      fc.property(addends, addends, addends, (a, b, c) => {
        const all = sumOf([...a, ...b, ...c])
        const left = sumOf(a)
        mergeExact(left, sumOf(b), 0)
        mergeExact(left, sumOf(c), 0)
        const right = sumOf(b)
        mergeExact(right, sumOf(c), 0)
        mergeExact(right, sumOf(a), 0)
        expect([...left]).toEqual([...all])
        expect([...right]).toEqual([...all])
      }),
    )
  })

  test('rounds to a neighbour by at most a step, and leaves alone what is far above it', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), x => {
        expect(Math.abs(rounded(x) - x)).toBeLessThanOrEqual(2 ** EXPONENT)
        if (Math.abs(x) >= STEP.untouched) expect(rounded(x)).toBe(x)
      }),
    )
  })

  test('below a tie of two doubles still tells which side it is on', () => {
    // 0.0336 + 3 × 0.0576 lies between two doubles; so little more decides, and whichever order it comes in.
    const numbers = [0.0336, 0.0576, 0.0576, 0.0576, 2 ** -66]
    expect(sumOf(numbers)[0]).toBe(sumOf(numbers.toReversed())[0])
  })
})

describe('squaredDeviations', () => {
  /** Σ(x - mean)², exactly: every double is a whole number of 2^-1074, so fractions of BigInts hold it. */
  function oracle(values: readonly number[]): number {
    const scaled = values.map(value => BigInt(value * 2 ** 100))
    const n = BigInt(values.length)
    const sum = scaled.reduce((a, b) => a + b, 0n)
    const numerator = scaled.reduce((all, x) => all + (n * x - sum) ** 2n, 0n)
    // Shifted, so that the whole quotient keeps its digits.
    return Number((numerator << 200n) / (n * n)) / 2 ** 200 / 2 ** 200
  }

  const deviationsOf = (values: readonly number[]): number => {
    const sums = new Float64Array(4)
    const step = stepOf(-66)
    for (const value of values) {
      addExact(sums, 0, value, step)
      addExactSquare(sums, 2, value, step)
    }
    return squaredDeviations(values.length, exactSumAt(sums, 0), exactSumAt(sums, 2), step)
  }

  test('agrees with exact arithmetic to six digits at spreads down to a millionth of the mean', () => {
    const mean = fc.double({ min: 10, max: 50_000, noNaN: true })
    const spread = fc.constantFrom(1, 1e-2, 1e-4, 1e-6)
    const shape = fc.array(fc.double({ min: -0.5, max: 0.5, noNaN: true }), { minLength: 2, maxLength: 60 })
    fc.assert(
      fc.property(mean, spread, shape, (centre, relative, parts) => {
        const values = parts.map(part => centre * (1 + relative * part))
        const exact = oracle(values)
        fc.pre(exact > (centre * relative * 0.3) ** 2)
        expect(deviationsOf(values) / exact).toBeCloseTo(1, 6)
      }),
    )
  })

  test('is 0 for equal values, in spite of rounding', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e5, noNaN: true }), fc.integer({ min: 2, max: 300 }), (value, n) => {
        expect(deviationsOf(Array(n).fill(value))).toBe(0)
      }),
      {
        numRuns: 1000,
        examples: [
          [0.005713842664607202, 2],
          [0.002997668172359923, 2],
        ],
      },
    )
  })
})
