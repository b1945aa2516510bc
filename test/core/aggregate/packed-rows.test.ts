import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type PackedRows, packedEnd, packedRoom, packRow, unpackRow } from '../../../src/core/aggregate/packed-rows.ts'

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

function memory(doubles: number): PackedRows {
  const all = new Float64Array(doubles).fill(Number.NaN)
  return { doubles: all, words: new Uint32Array(all.buffer) }
}

test('rows come back as they were packed, one behind the other, whatever the memory held', () => {
  fc.assert(
    fc.property(rows, list => {
      const width = list[0]!.length
      const packed = memory(list.length * packedRoom(width))
      let end = 0
      for (const row of list) end = packRow(packed, end, Float64Array.from(row))
      let at = 0
      for (const row of list) {
        const back = new Float64Array(width + 2).fill(7)
        unpackRow(packed, at, width, back)
        expect([...back]).toEqual([...row, 0, 0])
        at = packedEnd(packed, at, width)
      }
      expect(at).toBe(end)
    }),
  )
})

test('a row that does not end before the memory does has no end', () => {
  const packed = memory(packedRoom(100))
  const end = packRow(packed, 0, new Float64Array(100).fill(1))
  const cut = packed.doubles.slice(0, end - 1)
  expect(packedEnd({ doubles: cut, words: new Uint32Array(cut.buffer) }, 0, 100)).toBeNaN()
  expect(packedEnd({ doubles: cut, words: new Uint32Array(cut.buffer) }, cut.length, 100)).toBeNaN()
})
