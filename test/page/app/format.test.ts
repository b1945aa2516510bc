/** Numbers and sentences of the page. Separators are those of the locale, so that the tests compare digits. */
import { expect, test } from 'vitest'
import { localSentence, money, moneyTick, phrase } from '../../../src/page/app/data/format.ts'

const digits = (text: string): string => text.replaceAll(/\D/g, '')

test.each([
  [0, '000'],
  [0.0012345, '000123'],
  [0.43, '0430'],
  [1, '100'],
  [60, '6000'],
  [12.344, '1234'],
  [1234.4, '1234'],
])(
  'money has three significant digits below a dollar, cents below a thousand, and whole dollars above: %d',
  (usd, shown) => {
    expect(digits(money(usd))).toBe(shown)
  },
)

test.each([
  [0.2, '020'],
  [0.005, '00050'],
  [2, '2'],
  [1.5, '150'],
])('a tick of money has no digits that say nothing, and two below a dollar: %d', (usd, shown) => {
  expect(digits(moneyTick(usd))).toBe(shown)
})

test('percentages in sentences of the API are printed as the locale prints them, and nothing else changes', () => {
  const percent = (value: number): string =>
    new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 }).format(value)
  const sentence = 'droid made 24 % of 1,234 attempts, then 40.5 %: 100% sure, a % sign'
  expect(localSentence(sentence)).toBe(
    `droid made ${percent(0.24)} of 1,234 attempts, then ${percent(0.405)}: 100% sure, a % sign`,
  )
  expect(phrase('at most 5 % of them')).toBe(`At most ${percent(0.05)} of them`)
})
