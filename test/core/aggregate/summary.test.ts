import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addAttempt,
  addAverages,
  averageConfidence,
  averageTime,
  calibrationSums,
  confidences,
  costs,
  createSummary,
  durations,
  failures,
  merge,
  type Summary,
  span,
  successes,
  successRate,
  timeSums,
  tokens,
  totalAttempts,
} from '../../../src/core/aggregate/summary.ts'
import { copyTasks } from '../../../src/core/aggregate/task-sketch.ts'
import type { DecidedAttempt } from '../../../src/core/attempt/attempt.ts'
import { parseTimestamp } from '../../../src/core/attempt/timestamp.ts'
import { attempts } from '../arbitraries.ts'

function fold(list: readonly DecidedAttempt[]): Summary {
  const summary = createSummary()
  for (const attempt of list) addAttempt(summary, attempt, parseTimestamp(attempt.timestamp)!.ms)
  return summary
}

/** The sums as answers see them: the first double of each exact sum, all counts. */
const answers = (s: Summary): unknown => ({
  counts: [totalAttempts(s), successes(s), failures(s), successRate(s), averageConfidence(s), averageTime(s), span(s)],
  costs: costs(s),
  tokens: tokens(s),
  time: timeSums(s),
  calibration: calibrationSums(s),
  tasks: s.tasks && copyTasks(s.tasks),
  histograms: [durations(s, true), durations(s, false), confidences(s, true), confidences(s, false)],
})

const lists = fc.array(attempts, { maxLength: 40 })

describe('a summary', () => {
  test('does not depend on the order of attempts, to the last digit', () => {
    fc.assert(
      fc.property(
        lists.chain(list => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          expect(answers(fold(shuffled))).toEqual(answers(fold(list)))
        },
      ),
    )
  })

  test('of two spans merged equals the summary of both, whichever comes first', () => {
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        const both = answers(fold([...a, ...b]))
        expect(answers(merge(fold(a), fold(b)))).toEqual(both)
        expect(answers(merge(fold(b), fold(a)))).toEqual(both)
      }),
    )
  })

  test('merges the same however it is bracketed', () => {
    fc.assert(
      fc.property(lists, lists, lists, (a, b, c) => {
        const left = merge(merge(fold(a), fold(b)), fold(c))
        const right = merge(fold(a), merge(fold(b), fold(c)))
        expect(answers(left)).toEqual(answers(right))
      }),
    )
  })

  test('merged with the summary of nothing stays what it is', () => {
    fc.assert(
      fc.property(lists, list => {
        expect(answers(merge(fold(list), createSummary()))).toEqual(answers(fold(list)))
      }),
    )
  })

  test('counts every attempt once: total = successes + failures, and histograms hold each that was seen', () => {
    fc.assert(
      fc.property(lists, list => {
        const summary = fold(list)
        expect(totalAttempts(summary)).toBe(list.length)
        expect(successes(summary)).toBe(list.filter(attempt => attempt.success).length)
        expect(successes(summary) + failures(summary)).toBe(list.length)
        expect(durations(summary, true).count + durations(summary, false).count).toBe(list.length)
        const stated = list.filter(attempt => typeof attempt.confidence === 'number').length
        expect(confidences(summary, true).count + confidences(summary, false).count).toBe(stated)
      }),
    )
  })

  test('averages a million tenths to a tenth, where a running sum drifts', () => {
    const summary = createSummary()
    const attempt = {
      agent_name: 'a',
      model_name: 'm',
      issue_type: 'i',
      success: true,
      time_seconds: 0.1,
      timestamp: '',
    }
    for (let i = 0; i < 1_000_000; i++) addAttempt(summary, { ...attempt, confidence: 0.1 }, 0)
    expect(averageTime(summary)).toBe(0.1)
    expect(averageConfidence(summary)).toBe(0.1)
  })

  test('of no attempts answers finitely: 0 %, no confidence, 0 s, no span', () => {
    const none = createSummary()
    expect([successRate(none), averageConfidence(none), averageTime(none), span(none)]).toEqual([0, null, 0, undefined])
  })

  test('puts a duration or a confidence that equals a bound into the bucket of that bound, as `le` means', () => {
    const at = (time_seconds: number, confidence: number): DecidedAttempt => ({
      agent_name: 'a',
      model_name: 'm',
      issue_type: 'i',
      success: true,
      time_seconds,
      confidence,
      timestamp: '',
    })
    const summary = createSummary()
    for (const [time, stated] of [
      [0.1, 0.1],
      [409.6, 0.3],
      [5000, 1],
      [0, 0],
    ] as const)
      addAttempt(summary, at(time, stated), 0)
    expect([...durations(summary, true).counts]).toEqual([2, ...Array(11).fill(0), 1, 0, 0, 0, 1])
    expect([...confidences(summary, true).counts]).toEqual([2, 0, 1, 0, 0, 0, 0, 0, 0, 1])
  })

  test('of attempts known only by averages has their totals and averages, and makes up no histogram', () => {
    const summary = createSummary()
    addAverages(summary, { successes: 150, failures: 50, time_seconds: 200 * 2.5, stated: 200, confidence: 200 * 0.75 })
    expect([totalAttempts(summary), successRate(summary), averageTime(summary), averageConfidence(summary)]).toEqual([
      200, 75, 2.5, 0.75,
    ])
    expect(durations(summary, true).count + confidences(summary, false).count).toBe(0)
  })
})
