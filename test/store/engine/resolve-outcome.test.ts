/** Which result of an attempt counts, and which outcomes say nothing new. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_STANDING, type Outcome, type OutcomeRecord } from '../../../src/core/fold.ts'
import { resolveOutcome } from '../../../src/store/engine/resolve-outcome.ts'
import { attempt, NOW } from './engines.ts'

const FOUND = { attempt: attempt(1), at: { ms: NOW, local: false } }

/** Records outcomes one after the other, a minute apart. */
function recordAll(given: readonly Partial<Outcome>[], order: readonly string[] = []): (OutcomeRecord | 'duplicate')[] {
  const outcomes: OutcomeRecord[] = []
  return given.map((one, minute) => {
    const outcome = { attempt_id: 'id 1', success: true, source: 'ci', ...one }
    const nowMs = NOW + minute * 60_000
    const record = resolveOutcome(outcome, { ...FOUND, outcomes }, { nowMs, idMs: nowMs, order, above: 0 })
    if (record !== 'duplicate') outcomes.push(record)
    return record
  })
}

const countsOf = (records: readonly (OutcomeRecord | 'duplicate')[]): string[] =>
  records.map(record => (record === 'duplicate' ? record : `${record.counts.source} ${record.counts.success}`))

const at = (hours: number): string => new Date(NOW + hours * 3_600_000).toISOString()

describe('of several sources', () => {
  const given = [
    { source: 'ci', success: true },
    { source: 'review', success: false },
    { source: 'production', success: true },
    { source: 'ci', success: false },
  ]

  test('the latest counts without an order', () => {
    expect(countsOf(recordAll(given))).toEqual(['ci true', 'review false', 'production true', 'ci false'])
  })

  test('the first of the order that has a result counts, and sources that are not listed come last', () => {
    expect(countsOf(recordAll(given, ['production', 'ci']))).toEqual([
      'ci true',
      'ci true',
      'production true',
      'production true',
    ])
  })

  test('the times that they state decide, not the order in which they come', () => {
    const late = [
      { source: 'ci', success: false, timestamp: at(-1) },
      { source: 'review', success: true, timestamp: at(-3) },
      { source: 'ci', success: true, timestamp: at(-2) },
    ]
    expect(countsOf(recordAll(late))).toEqual(['ci false', 'ci false', 'ci false'])
  })

  test('a time too far ahead is the time of receipt', () => {
    const [first, second] = recordAll([
      { success: false, timestamp: at(24) },
      { success: true, source: 'b' },
    ]) as OutcomeRecord[]
    expect(first!.outcome).not.toHaveProperty('timestamp')
    expect([first!.standing[0]!.atMs, second!.counts]).toEqual([NOW, { source: 'b', success: true }])
  })

  test('so many are remembered as a record may state, and the oldest is forgotten', () => {
    const many = Array.from({ length: MAX_STANDING + 1 }, (_, i) => ({ source: `source ${i}` }))
    const last = recordAll(many).at(-1) as OutcomeRecord
    expect(last.standing.map(({ source }) => source)).toEqual(many.slice(1).map(({ source }) => source))
  })

  test('one that is no longer remembered says nothing new when it is sent again', () => {
    const many = Array.from({ length: MAX_STANDING + 4 }, (_, i) => ({ source: `source ${i}`, success: i > 0 }))
    const again = { source: 'source 0', success: false }
    const records = recordAll([...many, again, { ...again, timestamp: at(-1) }, { ...again, success: true }])
    expect(countsOf(records.slice(-4))).toEqual([
      'source 19 true',
      'duplicate',
      // Another time: it is recorded, and is older than those that count.
      'source 19 true',
      'source 0 true',
    ])
  })

  test('the first of the order still counts when many others follow it', () => {
    const many = Array.from({ length: 2 * MAX_STANDING }, (_, i) => ({ source: `bot ${i}`, success: true }))
    const records = recordAll([{ source: 'production', success: false }, ...many], ['production'])
    expect(new Set(countsOf(records))).toEqual(new Set(['production false']))
  })
})

describe('says nothing new', () => {
  test.each([
    ['the same result of the same source', {}, {}, true],
    ['another result', {}, { success: false }, false],
    ['another source', {}, { source: 'b' }, false],
    ['the same time', { timestamp: at(-1) }, { timestamp: at(-1) }, true],
    [
      'the same time in another zone',
      { timestamp: '2026-03-01T11:00:00Z' },
      { timestamp: '2026-03-01T12:00:00+01:00' },
      true,
    ],
    ['another time', { timestamp: at(-1) }, { timestamp: at(-2) }, false],
    ['no time', { timestamp: at(-1) }, {}, true],
    ['another note', { note: 'a' }, { note: 'b' }, true],
  ])('%s', (_, first, second, isDuplicate) => {
    expect(recordAll([first, second])[1] === 'duplicate').toBe(isDuplicate)
  })

  test('an earlier outcome that is sent again after a later one', () => {
    const [early, late] = [{ success: false, timestamp: at(-2) }, { timestamp: at(-1) }]
    expect(countsOf(recordAll([late, early, early]))).toEqual(['ci true', 'ci true', 'duplicate'])
  })
})

test('each record states what counted before it, and the next number', () => {
  const [first, second] = recordAll([{ success: false }, { success: true }]) as OutcomeRecord[]
  expect([first!.revision, first!.before, second!.revision, second!.before]).toEqual([1, undefined, 2, first!.counts])
})

test('what counts in the end does not depend on the order in which outcomes of different times come', () => {
  const outcomes = fc.uniqueArray(
    fc.record({
      success: fc.boolean(),
      source: fc.constantFrom('a', 'b', 'c'),
      hours: fc.integer({ min: -50, max: 0 }),
    }),
    { selector: ({ hours }) => hours, minLength: 1, maxLength: 8 },
  )
  fc.assert(
    fc.property(outcomes, fc.shuffledSubarray(['a', 'b', 'c']), fc.infiniteStream(fc.nat()), (all, order, keys) => {
      const given = all.map(({ hours, ...one }) => ({ ...one, timestamp: at(hours) }))
      const shuffled = given
        .map(one => ({ one, key: keys.next().value as number }))
        .sort((a, b) => a.key - b.key)
        .map(({ one }) => one)
      const last = (some: readonly Partial<Outcome>[]): unknown =>
        recordAll(some, order).findLast(record => record !== 'duplicate')
      expect((last(shuffled) as OutcomeRecord).counts).toEqual((last(given) as OutcomeRecord).counts)
    }),
  )
})
