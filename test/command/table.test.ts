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

test('only names are elided, in the middle and at whole characters', () => {
  expect(tableLines(COLUMNS, [['日本語日本語', '12345']], 16)).toEqual(['name           n', '日本…本語  12345'])
  expect(tableLines(COLUMNS, [['claude-sonnet-4-5-20250929', '1']], 20)).toEqual([
    'name               n',
    'claude-s…20250929  1',
  ])
})

test.each([
  [['claude-sonnet-4-20250514', 'claude-sonnet-4-5-20250929', 'claude-sonnet-4-6-20260301']],
  [['anthropic/claude-opus-4-1/eu-west', 'anthropic/claude-sonnet-4/eu-west', 'anthropic/claude-haiku-4-5/eu-west']],
  [['agent-for-refactoring-with-tests', 'agent-for-formatting-with-tests']],
  [['the-same-beginning-of-a-name-a', 'the-same-beginning-of-a-name-b']],
  [['a-the-same-end-of-a-long-name', 'b-the-same-end-of-a-long-name']],
])('%j are different in a narrow column', names => {
  const lines = tableLines(
    COLUMNS,
    names.map(name => [name, '1']),
    22,
  ).slice(1)
  expect(lines.every(line => line.includes('…'))).toBe(true)
  expect(new Set(lines).size).toBe(names.length)
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
