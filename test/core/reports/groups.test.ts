/** The documented reports over all keys, computed repeatedly while attempts and keys are added. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keyNames, uniqueKeyPrinter } from '../../../src/core/aggregate/metrics.ts'
import { createTally, type Tally } from '../../../src/core/aggregate/tally.ts'
import type { AgentAttempt } from '../../../src/core/attempt/attempt.ts'
import { performanceReport } from '../../../src/core/reports/report.ts'
import { attempts, NOW_MS, names } from '../arbitraries.ts'

const emptyTally = (): Tally => createTally({ maxKeys: 20, maxArms: 0, tiers: [] })
const addAll = (tally: Tally, list: readonly AgentAttempt[]): void => {
  for (const attempt of list) tally.add(attempt, { ms: NOW_MS, local: false }, NOW_MS)
}
const textOf = (tally: Tally): string => JSON.stringify(performanceReport(tally.keys(), 'now'))

test('a report has the same JSON text whether or not earlier reports filled the caches', () => {
  fc.assert(
    fc.property(fc.array(fc.array(attempts, { maxLength: 15 }), { maxLength: 5 }), parts => {
      const reported = emptyTally()
      for (const part of parts) {
        addAll(reported, part)
        textOf(reported)
      }
      const atOnce = emptyTally()
      addAll(atOnce, parts.flat())
      expect(textOf(reported)).toBe(textOf(atOnce))
    }),
  )
})

test('a report after a reset contains nothing from before it', () => {
  const tally = emptyTally()
  addAll(tally, fc.sample(attempts, 20))
  textOf(tally)
  tally.clear()
  expect(textOf(tally)).toBe(textOf(emptyTally()))
})

test('changing the names in a report does not change later reports', () => {
  const tally = emptyTally()
  addAll(tally, fc.sample(attempts, 5))
  const before = textOf(tally)
  const report = performanceReport(tally.keys(), 'now')
  for (const { issue_types } of [...Object.values(report.by_agent), ...Object.values(report.by_model)]) {
    ;(issue_types as string[]).push('another')
  }
  for (const { agents_used } of Object.values(report.by_issue_type)) (agents_used as string[]).length = 0
  expect(textOf(tally)).toBe(before)
})

test('no two keys are printed alike, even if their names contain the separator', () => {
  const name = fc.oneof(names, fc.constantFrom('a', 'a:a', 'a:a:a', 'a#2', 'a:a#2'))
  const key = fc.record({ agent_name: name, model_name: name, issue_type: name })
  fc.assert(
    fc.property(fc.uniqueArray(key, { selector: one => JSON.stringify(one) }), keys => {
      const print = uniqueKeyPrinter()
      expect(new Set(keys.map(print)).size).toBe(keys.length)
    }),
  )
})

test('printed key names are in the order of the list, and do not change when keys are added', () => {
  fc.assert(
    fc.property(fc.array(fc.array(attempts, { maxLength: 15 }), { maxLength: 5 }), parts => {
      const tally = emptyTally()
      for (const part of parts) {
        addAll(tally, part)
        const print = uniqueKeyPrinter()
        expect(keyNames(tally.keys())).toEqual(tally.keys().map(one => print(one.key)))
      }
    }),
  )
})
