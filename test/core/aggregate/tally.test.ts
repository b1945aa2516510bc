import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { recentResults } from '../../../src/core/aggregate/recent.ts'
import { createSummary, successes, totalAttempts } from '../../../src/core/aggregate/summary.ts'
import { createTally, OVERFLOW_KEY, type Tally, total } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import type { AgentAttempt } from '../../../src/core/attempt/attempt.ts'
import { parseTimestamp, printTimestamp } from '../../../src/core/attempt/timestamp.ts'
import type { KeyFilter, TimeRange } from '../../../src/core/ports.ts'
import { runToCompletion } from '../../../src/core/steps.ts'
import { attempts, NOW_MS } from '../arbitraries.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

function tallyOf(list: readonly AgentAttempt[], maxKeys = 10_000, tiers = DEFAULT_TIERS): Tally {
  const tally = createTally({ maxKeys, maxArms: 100, tiers })
  for (const attempt of list) tally.add(attempt, parseTimestamp(attempt.timestamp)!, NOW_MS)
  return tally
}

const at = (ms: number, more: Partial<AgentAttempt> = {}): AgentAttempt => ({
  agent_name: 'a',
  model_name: 'm',
  issue_type: 'i',
  success: true,
  time_seconds: 1,
  timestamp: printTimestamp({ ms, local: false }),
  ...more,
})

describe('the tally', () => {
  test('counts every key that the limit counts, pending ones too, without the overflow key', () => {
    const pending = ['a', 'b', 'c'].map(agent_name => at(NOW_MS, { agent_name, success: undefined }))
    const tally = tallyOf(pending, 2)
    expect([tally.keys().length, tally.keyCount]).toEqual([0, 2])
    tally.add(at(NOW_MS, { agent_name: 'd' }), { ms: NOW_MS, local: false }, NOW_MS)
    expect([tally.keys().length, tally.keyCount]).toEqual([1, 2])
  })

  test('holds every attempt under exactly one key, the overflow key included, whatever the bound', () => {
    fc.assert(
      fc.property(fc.array(attempts, { maxLength: 60 }), fc.integer({ min: 0, max: 10 }), (list, maxKeys) => {
        const tally = tallyOf(list, maxKeys)
        expect(totalAttempts(total(tally.keys()))).toBe(list.length)
        expect(successes(total(tally.keys()))).toBe(list.filter(attempt => attempt.success).length)
        expect(tally.keys().length).toBeLessThanOrEqual(maxKeys + 1)
        const overflow = tally.keys().find(one => one.key.agent_name === OVERFLOW_KEY.agent_name)
        expect(tally.overflowed()).toBe(overflow === undefined ? 0 : totalAttempts(overflow.summary))
      }),
    )
  })

  test('keeps counting the keys it knows when there is no room for new ones', () => {
    const tally = tallyOf([at(NOW_MS), at(NOW_MS, { agent_name: 'new' }), at(NOW_MS)], 1)
    expect(tally.keys().map(one => [one.key.agent_name, totalAttempts(one.summary)])).toEqual([
      ['a', 2],
      ['__overflow__', 1],
    ])
  })

  test('never lets two keys meet: `a:b` + `c` and `a` + `b:c`, NFC and NFD, names of object properties', () => {
    const pairs = [
      ['a:b', 'c'],
      ['a', 'b:c'],
      ['é', 'x'],
      ['e\u0301', 'x'],
      ['__proto__', 'constructor'],
      ['constructor', '__proto__'],
    ]
    const tally = tallyOf(
      pairs.map(([agent_name, model_name]) => at(NOW_MS, { agent_name: agent_name!, model_name: model_name! })),
    )
    expect(tally.keys().map(one => totalAttempts(one.summary))).toEqual(pairs.map(() => 1))
    expect(tally.keys({ agent_name: '__proto__' }).map(one => one.key.model_name)).toEqual(['constructor'])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  test('finds keys by any of their names as a plain filter would', () => {
    const name = fc.constantFrom('a', 'b', 'c')
    const filter = fc.record({ agent_name: name, model_name: name, issue_type: name }, { requiredKeys: [] })
    const some = attempts.chain(attempt =>
      fc.record({ agent_name: name, model_name: name, issue_type: name }).map(key => ({ ...attempt, ...key })),
    )
    fc.assert(
      fc.property(fc.array(some, { maxLength: 40 }), filter, (list, wanted) => {
        const tally = tallyOf(list)
        const plain = tally
          .keys()
          .filter(({ key }) => Object.entries(wanted).every(([field, value]) => key[field as 'agent_name'] === value))
        expect(tally.keys(wanted).map(one => one.key)).toEqual(plain.map(one => one.key))
      }),
    )
  })

  test('keeps the last 100 attempts of a key, oldest out first, each with its values', () => {
    const list = Array.from({ length: 250 }, (_, i) =>
      at(NOW_MS - i, { success: i % 3 === 0, confidence: i % 2 === 0 ? i / 250 : null, time_seconds: i }),
    )
    const [record] = tallyOf(list).keys()
    const expected = list.slice(-100).map(({ timestamp, success, confidence, time_seconds }) => ({
      timestamp,
      agent_name: 'a',
      model_name: 'm',
      issue_type: 'i',
      success,
      confidence,
      time_seconds,
    }))
    expect([...recentResults(record!.recent, record!.key)]).toEqual(expected)
  })

  test('counts an attempt of an experiment under its arm too, and attempts of further arms than there is room for nowhere but there', () => {
    const tally = createTally({ maxKeys: 10, maxArms: 2, tiers: DEFAULT_TIERS })
    for (const variant of ['old', 'new', 'third', 'old'])
      tally.add(at(NOW_MS, { experiment: '__proto__', variant }), { ms: NOW_MS, local: false }, NOW_MS)
    expect(tally.arms('__proto__').map(arm => [arm.variant, totalAttempts(arm.summary)])).toEqual([
      ['old', 2],
      ['new', 1],
    ])
    expect(totalAttempts(total(tally.keys()))).toBe(4)
  })
})

describe('the arms of an experiment by key', () => {
  const armsOf = (tally: Tally, filter: KeyFilter, range?: TimeRange) =>
    runToCompletion(tally.armSteps('prompt', { range, filter }, NOW_MS)).map(({ variant, summary }) => [
      variant,
      [...summary],
    ])

  test('count as a tally of the attempts that match the filter, with and without a range', () => {
    const name = fc.constantFrom('a', 'b')
    const filter = fc.record({ agent_name: name, model_name: name, issue_type: name }, { requiredKeys: [] })
    const some = attempts.chain(attempt =>
      fc
        .record({ agent_name: name, model_name: name, issue_type: name, variant: fc.constantFrom('old', 'new') })
        .map(more => ({ ...attempt, ...more, experiment: 'prompt' })),
    )
    fc.assert(
      fc.property(fc.array(some, { maxLength: 40 }), filter, (list, wanted) => {
        const passing = list.filter(one =>
          Object.entries(wanted).every(([field, value]) => one[field as 'agent_name'] === value),
        )
        const variants = [...new Set(list.map(({ variant }) => variant))]
        for (const range of [undefined, { sinceMs: NOW_MS - 5 * HOUR, untilMs: NOW_MS }]) {
          const plain = new Map(armsOf(tallyOf(passing), {}, range) as [string, number[]][])
          const expected = variants.map(variant => [variant, plain.get(variant) ?? [...createSummary()]])
          expect(armsOf(tallyOf(list), wanted, range)).toEqual(expected)
        }
      }),
    )
  })

  test('are as many as --max-keys: attempts beyond that count in the arm, and are named where a filter leaves them out', () => {
    const tally = createTally({ maxKeys: 2, maxArms: 10, tiers: DEFAULT_TIERS })
    for (const issue_type of ['i', 'j', 'k', 'k'])
      tally.add(at(NOW_MS, { experiment: 'prompt', variant: 'v', issue_type }), { ms: NOW_MS, local: false }, NOW_MS)
    const attemptsOf = (filter: KeyFilter) =>
      runToCompletion(tally.armSteps('prompt', { range: undefined, filter }, NOW_MS)).map(one =>
        totalAttempts(one.summary),
      )
    expect([attemptsOf({}), attemptsOf({ issue_type: 'i' }), attemptsOf({ issue_type: 'k' })]).toEqual([[4], [1], [0]])
    expect(tally.overflowedArms('prompt', undefined, NOW_MS, { issue_type: 'k' })).toEqual({ own: 2, unknown: 0 })
    expect(tally.overflowedArms('prompt', undefined, NOW_MS)).toEqual({ own: 0, unknown: 0 })
  })
})

describe('the plans of experiments', () => {
  test('are at most as many as arms, and a new one is refused until another is removed', () => {
    const tally = createTally({ maxKeys: 2, maxArms: 1, tiers: DEFAULT_TIERS })
    expect(tally.putPlan('a', { baseline: 'x' })).toBe(true)
    expect(tally.putPlan('a', { baseline: 'x' })).toBe(false)
    expect(tally.putPlan('b', { baseline: 'x' })).toBe(false)
    expect(tally.putPlan('a', { endMs: 1 })).toBe(true)
    expect(tally.putPlan('a', {})).toBe(true)
    expect(tally.putPlan('b', { baseline: 'x' })).toBe(true)
    expect([...tally.plans.keys()]).toEqual(['b'])
    tally.clear()
    expect(tally.plans.size).toBe(0)
  })
})

describe('a range', () => {
  const inRange = (tally: Tally, sinceMs: number, untilMs = Number.POSITIVE_INFINITY): number =>
    totalAttempts(total([...tally.ranged({ sinceMs, untilMs }, {}, NOW_MS)]))

  test('counts attempts to the minute in the last 26 hours, to the hour in the last 90 days, to the day before', () => {
    const ages = [30 * MINUTE, 5 * HOUR, 30 * HOUR, 40 * 24 * HOUR, 200 * 24 * HOUR]
    const tally = tallyOf(ages.map(age => at(NOW_MS - age)))
    expect(inRange(tally, NOW_MS - 31 * MINUTE)).toBe(1)
    expect(inRange(tally, NOW_MS - 29 * MINUTE)).toBe(0)
    expect(inRange(tally, NOW_MS - 5 * HOUR)).toBe(2)
    expect(inRange(tally, NOW_MS - 31 * HOUR)).toBe(3)
    expect(inRange(tally, NOW_MS - 29 * HOUR)).toBe(2)
    expect(inRange(tally, NOW_MS - 201 * 24 * HOUR)).toBe(5)
    expect(inRange(tally, Number.NEGATIVE_INFINITY, NOW_MS - 100 * 24 * HOUR)).toBe(1)
  })

  test('over everything equals the whole life, whenever attempts came', () => {
    fc.assert(
      fc.property(fc.array(attempts, { maxLength: 40 }), list => {
        expect(inRange(tallyOf(list), Number.NEGATIVE_INFINITY)).toBe(list.length)
      }),
    )
  })

  test('leaves out keys without an attempt in it', () => {
    const tally = tallyOf([at(NOW_MS - HOUR), at(NOW_MS - 10 * HOUR, { agent_name: 'old' })])
    expect(
      [...tally.ranged({ sinceMs: NOW_MS - 2 * HOUR, untilMs: NOW_MS }, {}, NOW_MS)].map(one => one.key.agent_name),
    ).toEqual(['a'])
  })

  test('is answered from a coarser tier when fine buckets had to leave early, and loses nothing', () => {
    const tiers = [{ ...DEFAULT_TIERS[0]!, maxBuckets: 10 }, ...DEFAULT_TIERS.slice(1)]
    const tally = tallyOf(
      Array.from({ length: 120 }, (_, i) => at(NOW_MS - 119 * MINUTE + i * MINUTE)),
      10,
      tiers,
    )
    expect(inRange(tally, NOW_MS - 5 * MINUTE)).toBe(6)
    // 10:01 is in the hour of 10:00: whole hours from there on are counted.
    expect(inRange(tally, NOW_MS - 119 * MINUTE)).toBe(120)
  })

  test('counts an attempt in the right bucket of every tier where the spans are no multiples of each other', () => {
    const tiers = [
      { spanMs: 7 * MINUTE, keepMs: 10 * MINUTE },
      { spanMs: 6 * HOUR, keepMs: 12 * HOUR },
    ]
    // 12:02, in the seven minutes from 11:57 on.
    const tally = createTally({ maxKeys: 10, maxArms: 0, tiers })
    const ms = NOW_MS + 2 * MINUTE
    tally.add(at(ms), { ms, local: false }, ms)
    const range = { sinceMs: NOW_MS, untilMs: Number.POSITIVE_INFINITY }
    expect(tally.ranged(range, {}, NOW_MS + HOUR).map(one => totalAttempts(one.summary))).toEqual([1])
  })
})
