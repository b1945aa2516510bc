import fc from 'fast-check'
import { expect, test } from 'vitest'
import { attemptsToTell, pairedInterval, pairedVerdict } from '../../../src/core/statistics/paired-difference.ts'

test('the interval of a paired difference adds one pair to each kind of disagreement', () => {
  // By hand: (21/102 - 6/102) ± 1.95996 sqrt((21/102 + 6/102 - (15/102)²) / 102).
  const { low, high, method } = pairedInterval({ attempts: 100, onlyFirst: 20, onlySecond: 5 })
  expect([low, high]).toEqual([expect.closeTo(5.137859, 5), expect.closeTo(24.273906, 5)])
  expect(method).toBe('adjusted_wald')
})

test('the interval of a paired difference is symmetric, within -100 to 100, and wider if attempts are clustered', () => {
  const [one, other] = [
    pairedInterval({ attempts: 3, onlyFirst: 3, onlySecond: 0 }),
    pairedInterval({ attempts: 3, onlyFirst: 0, onlySecond: 3 }),
  ]
  expect([one.low, one.high]).toEqual([-other.high, -other.low])
  expect(one.high).toBe(100)
  const width = (size: number): number => {
    const { low, high } = pairedInterval({ attempts: 100, onlyFirst: 20, onlySecond: 5 }, size)
    return high - low
  }
  expect(width(4)).toBeGreaterThan(1.5 * width(1))
  expect(pairedInterval({ attempts: 0, onlyFirst: 0, onlySecond: 0 })).toMatchObject({ low: -100, high: 100 })
})

test.each([
  [{ attempts: 1, onlyFirst: 0, onlySecond: 0 }, 'cannot_tell_yet', 25],
  [{ attempts: 25, onlyFirst: 0, onlySecond: 0 }, 'cannot_tell_yet', 1],
  [{ attempts: 26, onlyFirst: 0, onlySecond: 0 }, 'no_difference', 0],
  [{ attempts: 30, onlyFirst: 5, onlySecond: 5 }, 'cannot_tell_yet', 100],
  [{ attempts: 30, onlyFirst: 10, onlySecond: 0 }, 'first_higher', 0],
  [{ attempts: 30, onlyFirst: 0, onlySecond: 10 }, 'second_higher', 0],
  [{ attempts: 0, onlyFirst: 0, onlySecond: 0 }, 'cannot_tell_yet', null],
] as const)('%o are judged %s, with %s attempts more to tell', (counts, verdict, more) => {
  expect(pairedVerdict(pairedInterval(counts))).toBe(verdict)
  expect(attemptsToTell(counts)).toBe(more)
})

test('so many attempts more at the same rates give a verdict, and not a quarter fewer', () => {
  const counts = fc
    .record({ attempts: fc.integer({ min: 1, max: 200 }), first: fc.nat(100), second: fc.nat(100) })
    .map(({ attempts, first, second }) => ({
      attempts,
      onlyFirst: Math.floor((attempts * first) / 200),
      onlySecond: Math.floor((attempts * second) / 200),
    }))
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 5 }), ({ attempts, onlyFirst, onlySecond }, size) => {
      const more = attemptsToTell({ attempts, onlyFirst, onlySecond }, size)!
      const verdictWith = (added: number): string => {
        const grown = (attempts + added) / attempts
        const counts = { attempts: attempts * grown, onlyFirst: onlyFirst * grown, onlySecond: onlySecond * grown }
        return pairedVerdict(pairedInterval(counts, size))
      }
      // Attempts of one task come together: a part of a task tells nothing.
      expect(verdictWith(more + size)).not.toBe('cannot_tell_yet')
      if (more > 0) expect(verdictWith(Math.max(0, Math.floor(0.75 * more) - 2 * size))).toBe('cannot_tell_yet')
    }),
  )
})
