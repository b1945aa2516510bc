import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Column, displayWidth, tableLines } from '../../src/command/table.ts'

const COLUMNS: readonly Column[] = [
  { title: 'name', align: 'left' },
  { title: 'n', align: 'right' },
]

test.each([
  ['plain', 5],
  ['', 0],
  ['e\u0301', 1],
  ['日本語', 6],
  ['한글', 4],
  ['ｆｕｌｌ', 8],
  ['👩‍💻', 2],
  ['🇩🇪', 2],
  ['❤️', 2],
  ['→', 1],
  ['äöü', 3],
])('%s takes %d columns', (text, width) => {
  expect(displayWidth(text)).toBe(width)
})

test('numbers are aligned right, names left', () => {
  expect(
    tableLines(
      COLUMNS,
      [
        ['日本', '1'],
        ['a', '1,000'],
      ],
      80,
    ),
  ).toEqual(['name      n', '日本      1', 'a     1,000'])
})

test('only names are truncated, after a whole character', () => {
  expect(tableLines(COLUMNS, [['日本語日本語', '12345']], 16)).toEqual(['name           n', '日本語日…  12345'])
})

test('every line has at most the given width, with aligned columns, for any names', () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.nat().map(String)), { minLength: 1 }), rows => {
      const lines = tableLines(COLUMNS, rows, 30)
      const widths = new Set(lines.map(displayWidth))
      expect(widths.size).toBe(1)
      expect([...widths][0]).toBeLessThanOrEqual(30)
    }),
  )
})
