import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readSparse, type SparseRows, sparseRoom, writeSparse } from '../../../src/store/snapshot/sparse-row.ts'

const rows = fc.integer({ min: 1, max: 150 }).chain(width =>
  fc.array(
    fc.array(
      fc.oneof(
        fc.constant(0),
        fc.double({ noNaN: true }).map(value => value + 0),
      ),
      {
        minLength: width,
        maxLength: width,
      },
    ),
    { minLength: 1, maxLength: 5 },
  ),
)

function memory(doubles: number): SparseRows {
  const all = new Float64Array(doubles).fill(Number.NaN)
  return { doubles: all, words: new Uint32Array(all.buffer) }
}

test('reads consecutive rows as they were written, for any previous content of the buffer', () => {
  fc.assert(
    fc.property(rows, list => {
      const width = list[0]!.length
      const written = memory(list.length * sparseRoom(width))
      let end = 0
      for (const row of list) end = writeSparse(written, end, Float64Array.from(row))
      let at = 0
      for (const row of list) {
        const back = new Float64Array(width + 2).fill(7)
        at = readSparse(written, at, width, back)
        expect([...back]).toEqual([...row, 0, 0])
      }
      expect(at).toBe(end)
    }),
  )
})

test('refuses a row that ends beyond the buffer', () => {
  const written = memory(sparseRoom(100))
  const end = writeSparse(written, 0, new Float64Array(100).fill(1))
  const doubles = written.doubles.slice(0, end - 1)
  const cut = { doubles, words: new Uint32Array(doubles.buffer) }
  expect(() => readSparse(cut, 0, 100, new Float64Array(100))).toThrow(RangeError)
  expect(() => readSparse(cut, doubles.length, 100, new Float64Array(100))).toThrow(RangeError)
})
