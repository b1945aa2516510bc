import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { intendedShares, orderedArms } from '../../../src/core/reports/planned-arms.ts'
import { parseShares, readShares } from '../../../src/core/reports/shares.ts'

const arm = (variant: string, firstMs: number) => ({ variant, firstMs })
const create = (variant: string) => arm(variant, Number.POSITIVE_INFINITY)
const names = (arms: readonly { readonly variant: string }[] | undefined) => arms?.map(({ variant }) => variant)

describe('orderedArms', () => {
  test('the order of receipt does not change the baseline: the earliest attempt by its own time does', () => {
    const distinct = fc.uniqueArray(fc.integer({ min: 0, max: 1e6 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(distinct, fc.infiniteStream(fc.nat()), (times, random) => {
        const arms = times.map((ms, i) => arm(`v${i}`, ms))
        const shuffled = arms.map(one => ({ one, at: random.next().value as number })).sort((a, b) => a.at - b.at)
        const earliest = times.indexOf(Math.min(...times))
        expect(
          orderedArms(
            shuffled.map(({ one }) => one),
            {},
            create,
          )?.[0].variant,
        ).toBe(`v${earliest}`)
      }),
    )
  })

  test('a stated baseline wins over the earliest attempt, and that of the question over the stored one', () => {
    const arms = [arm('a', 1), arm('b', 2), arm('c', 3)]
    expect(names(orderedArms(arms, { baseline: 'b' }, create))).toEqual(['b', 'a', 'c'])
    expect(names(orderedArms(arms, { baseline: 'b' }, create, 'c'))).toEqual(['c', 'a', 'b'])
    expect(orderedArms(arms, {}, create, 'x')).toBeUndefined()
    expect(orderedArms([], {}, create)).toBeUndefined()
  })

  test('variants that only the plan names come last, or first as the baseline', () => {
    const shares = new Map([
      ['x', 1],
      ['a', 1],
    ])
    expect(names(orderedArms([arm('a', 1)], { shares }, create))).toEqual(['a', 'x'])
    expect(names(orderedArms([arm('a', 1)], { shares, baseline: 'x' }, create))).toEqual(['x', 'a'])
  })
})

test('without stated shares, variants with attempts have equal ones; a variant without a stated share has none', () => {
  const arms = [
    { variant: 'a', attempts: 3 },
    { variant: 'b', attempts: 0 },
    { variant: 'c', attempts: 9 },
  ]
  expect(intendedShares(arms, undefined)).toEqual([1, 0, 1])
  expect(intendedShares(arms, new Map([['a', 90]]))).toEqual([90, 0, 0])
})

describe('shares', () => {
  test('are read from text as from an object', () => {
    const expected = new Map([
      ['a:b', 90],
      ['canary', 0.5],
    ])
    expect(parseShares('a:b:90,canary:0.5')).toEqual(expected)
    expect(readShares({ 'a:b': 90, canary: 0.5 })).toEqual(expected)
    expect(readShares(JSON.parse('{"__proto__": 1, "a": 1}'))).toEqual(
      new Map([
        ['__proto__', 1],
        ['a', 1],
      ]),
    )
  })

  test.each(['', 'a', 'a:1', 'a:1,', 'a:1,b', 'a:1,b:x', 'a:1,b:-1', 'a:1,b:0', 'a:1,a:2', ':1,b:2', 'a:1,b:1e999'])(
    '%j is refused with a reason',
    text => {
      expect(parseShares(text)).toEqual(expect.any(String))
    },
  )
})
