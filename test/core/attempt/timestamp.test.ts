import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isCanonical, parseDuration, parseTimestamp, printTimestamp } from '../../../src/core/attempt/timestamp.ts'

describe('a timestamp', () => {
  test.each([
    ['2025-07-11T19:33:16.229Z', '2025-07-11T19:33:16.229Z'],
    ['2025-07-11T19:33:16Z', '2025-07-11T19:33:16.000Z'],
    ['2025-07-11 19:33:16z', '2025-07-11T19:33:16.000Z'],
    ['2025-07-11T21:33:16.229+02:00', '2025-07-11T19:33:16.229Z'],
    ['2025-07-11T19:33:16.123456789Z', '2025-07-11T19:33:16.123456Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['2026-11-22T15:33:13.585327', new Date('2026-11-22T15:33:13.585').toISOString().replace('Z', '327Z')],
    ['2025-01-09T12:00:00', new Date('2025-01-09T12:00:00').toISOString()],
  ])('%s is kept as %s', (text, kept) => {
    expect(printTimestamp(parseTimestamp(text)!)).toBe(kept)
  })

  test.each([
    '',
    'now',
    '2025-07-11',
    '2025-02-29T00:00:00Z',
    '2025-13-01T00:00:00Z',
    '2025-01-01T24:00:00Z',
    '1752262396',
    '2025-01-01T00:00:00+25:00',
    ' 2025-01-01T00:00:00Z',
  ])('%j is no time', text => expect(parseTimestamp(text)).toBeUndefined())

  test('printed and read again is the same instant, to the microsecond', () => {
    const micros = fc.integer({ min: 0, max: 4e15 })
    fc.assert(
      fc.property(micros, n => {
        const instant = { ms: n / 1000, local: false }
        expect(Math.round(parseTimestamp(printTimestamp(instant))!.ms * 1000)).toBe(n)
      }),
    )
  })

  test('of whole milliseconds equals what JavaScript prints', () => {
    fc.assert(
      fc.property(fc.integer({ min: -6e13, max: 2e14 }), ms => {
        expect(printTimestamp({ ms, local: false })).toBe(new Date(ms).toISOString())
      }),
    )
  })

  test('and so it does of times that come one after the other, in the same minute and around it', () => {
    const steps = fc.array(fc.integer({ min: -90_000, max: 90_000 }), { maxLength: 20 })
    fc.assert(
      fc.property(fc.integer({ min: -6e13, max: 2e14 }), steps, (from, all) => {
        let ms = from
        for (const step of all) {
          ms += step
          expect(printTimestamp({ ms, local: false })).toBe(new Date(ms).toISOString())
        }
      }),
    )
    expect(() => printTimestamp({ ms: Number.NaN, local: false })).toThrow(RangeError)
  })
})

test.each([
  ['15m', 900_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
  ['1.5h', 5_400_000],
  ['90s', 90_000],
  ['2w', 1_209_600_000],
  ['250ms', 250],
])('the length %s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

test.each(['', '15', 'm', '-5m', '5 m', '1e3s'])('%j is no length of time', text =>
  expect(parseDuration(text)).toBeUndefined(),
)

test('a text that is taken for what would be printed is printed just so', () => {
  const part = (max: number, width: number): fc.Arbitrary<string> =>
    fc.integer({ min: 0, max }).map(value => String(value).padStart(width, '0'))
  const texts = fc
    .tuple(
      part(9999, 4),
      part(13, 2),
      part(32, 2),
      fc.constantFrom('T', 't', ' '),
      part(25, 2),
      part(60, 2),
      part(61, 2),
      fc.constantFrom('', '.5', '.123', ',123', '.000', '.123000', '.123456', '.000001', '.1234567'),
      fc.constantFrom('Z', 'z', '', '+00:00'),
    )
    .map(([y, mo, d, t, h, mi, s, fraction, zone]) => `${y}-${mo}-${d}${t}${h}:${mi}:${s}${fraction}${zone}`)
  fc.assert(
    fc.property(texts, text => {
      const at = parseTimestamp(text)
      if (at !== undefined && isCanonical(text)) expect(printTimestamp(at)).toBe(text)
    }),
    { numRuns: 5000 },
  )
  expect(isCanonical('2026-01-31T12:00:00.123Z')).toBe(true)
  expect(isCanonical('2026-01-31T12:00:00.123456Z')).toBe(true)
})

test('a time without a zone is read as local time, whatever was read before it, also where clocks are put forward or back', () => {
  const dates = fc.constantFrom([2025, 10, 2], [2026, 2, 8], [2026, 6, 1], [1997, 3, 6]) as fc.Arbitrary<number[]>
  const number = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max })
  const time = fc.tuple(dates, number(3), fc.constantFrom(0, 30, 59), number(59), number(999_999))
  fc.assert(
    fc.property(fc.array(time, { minLength: 2, maxLength: 6 }), times => {
      for (const [[year = 0, month = 0, day = 0], hour, minute, second, micros] of times) {
        const ms = new Date(year, month, day, hour, minute, second).getTime() + micros / 1000
        const [mm, dd, h, m, s] = [month + 1, day, hour, minute, second].map(n => String(n).padStart(2, '0'))
        const text = `${year}-${mm}-${dd}T${h}:${m}:${s}.${String(micros).padStart(6, '0')}`
        expect(parseTimestamp(text)).toEqual({ ms, local: true })
      }
    }),
  )
})
