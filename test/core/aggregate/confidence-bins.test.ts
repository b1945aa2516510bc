import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addPacked,
  hasPacked,
  mergePacked,
  movePacked,
  PACKED_WIDTH,
  packedBinOf,
  unpack,
  unpackTenths,
} from '../../../src/core/aggregate/confidence-bins.ts'
import { type ConfidenceCells, coarser } from '../../../src/core/aggregate/confidence-cells.ts'

/** A confidence in hundredths, its outcome, and how often it comes. */
const entries = fc.array(
  fc.record({
    hundredth: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constantFrom(80, 90, 95, 99)),
    success: fc.boolean(),
    times: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 80 })),
  }),
  { maxLength: 40 },
)
type Entries = readonly { readonly hundredth: number; readonly success: boolean; readonly times: number }[]

function packed(list: Entries): Float64Array {
  const row = new Float64Array(PACKED_WIDTH)
  for (const { hundredth, success, times } of list)
    for (let i = 0; i < times; i++) addPacked(row, 0, packedBinOf(hundredth / 100), success)
  return row
}

function counted(list: Entries): ConfidenceCells {
  const [failures, successes]: [number[], number[]] = [Array(100).fill(0), Array(100).fill(0)]
  for (const { hundredth, success, times } of list)
    (success ? successes : failures)[Math.max(0, hundredth - 1)]! += times
  return { failures, successes }
}

function merged(...rows: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(PACKED_WIDTH)
  for (const row of rows) mergePacked(all, row, 0)
  return all
}

describe('packed counts by confidence', () => {
  test('lose no attempt, and are in bins of 0.01 while the bins are few or their counts small', () => {
    fc.assert(
      fc.property(entries, list => {
        const cells = unpack(packed(list), 0)
        const exact = counted(list)
        expect(cells).toEqual(coarser(exact, cells.failures.length))
        expect(unpackTenths(packed(list), 0)).toEqual(coarser(exact, 10))
        const used = exact.failures.filter((count, bin) => count + exact.successes[bin]! > 0).length
        const most = Math.max(...exact.failures.map((count, bin) => count + exact.successes[bin]!))
        expect(cells.failures.length).toBe(used <= 20 || most <= 31 ? 100 : 20)
      }),
    )
  })

  test('are the same row after a result is corrected as if it had come so', () => {
    fc.assert(
      fc.property(entries, fc.array(fc.nat()), (list, moved) => {
        const row = packed(list)
        const singles = list.flatMap(({ times, ...one }) => Array.from({ length: times }, () => ({ ...one, times: 1 })))
        for (const at of moved) {
          if (singles.length === 0) break
          const one = singles[at % singles.length]!
          expect(hasPacked(row, 0, one.hundredth / 100, one.success)).toBe(true)
          movePacked(row, 0, one.hundredth / 100, !one.success)
          one.success = !one.success
        }
        expect(row).toEqual(packed(singles))
        for (const { hundredth } of list) {
          const { failures } = counted(singles)
          const hasFine = unpack(row, 0).failures.length === 100
          if (hasFine) expect(hasPacked(row, 0, hundredth / 100, false)).toBe(failures[Math.max(0, hundredth - 1)]! > 0)
        }
      }),
    )
  })

  test('merge to the same row in whatever order and however bracketed', () => {
    fc.assert(
      fc.property(entries, entries, entries, (a, b, c) => {
        const both = packed([...a, ...b, ...c])
        expect(merged(packed(a), packed(b), packed(c))).toEqual(both)
        expect(merged(packed(c), merged(packed(b), packed(a)))).toEqual(both)
        expect(merged(merged(packed(b), packed(c)), packed(a))).toEqual(both)
      }),
    )
  })

  test('hold any number: doubled 40 times, they are in bins of 0.05 and then of 0.1, and exact', () => {
    const list = [
      { hundredth: 91, success: false, times: 1 },
      { hundredth: 99, success: true, times: 2 },
    ]
    let row = packed(list)
    let exact = counted(list)
    const widths = new Set<number>()
    for (let i = 0; i < 40; i++) {
      row = merged(row, row)
      exact = { failures: exact.failures.map(n => 2 * n), successes: exact.successes.map(n => 2 * n) }
      const cells = unpack(row, 0)
      widths.add(cells.failures.length)
      expect(cells).toEqual(coarser(exact, cells.failures.length))
    }
    expect([...widths]).toEqual([100, 20, 10])
    addPacked(row, 0, packedBinOf(0.95), true)
    expect(unpack(row, 0).successes[9]).toBe(2 ** 41 + 1)
  })

  test('put a confidence that equals a bound into the bin that ends there', () => {
    for (let hundredth = 1; hundredth <= 100; hundredth++) {
      expect(unpack(packed([{ hundredth, success: true, times: 1 }]), 0).successes.indexOf(1)).toBe(hundredth - 1)
    }
    const row = new Float64Array(PACKED_WIDTH)
    for (const confidence of [0, 0.005, 0.010000000000000002, 0.2900000001, 1])
      addPacked(row, 0, packedBinOf(confidence), false)
    const { failures } = unpack(row, 0)
    expect([0, 1, 28, 29, 99].map(bin => failures[bin])).toEqual([2, 1, 0, 1, 1])
  })
})
