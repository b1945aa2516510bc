/** Snapshots of another layout: read field by field, so that what both layouts have keeps its meaning. */
import { describe, expect, test } from 'vitest'
import { createDedupWindow } from '../../../src/core/aggregate/dedup-window.ts'
import { createSeries } from '../../../src/core/aggregate/series.ts'
import { calibrationSums, costs, failures, successes, timeSum, timeSums } from '../../../src/core/aggregate/summary.ts'
import { createTally, type Tally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import { decodeState, type RestoredState } from '../../../src/store/snapshot/decode.ts'
import { encodeState } from '../../../src/store/snapshot/encode.ts'
import { decodeHead, encodeHead } from '../../../src/store/snapshot/head.ts'
import { fingerprintOf, OWN_SCHEMA, type SummarySchema } from '../../../src/store/snapshot/schema.ts'
import { attempt, NOW } from '../file/fixtures.ts'

const ids = { limit: 10, keepMs: 1000 }
const newTally = (): Tally => createTally({ maxKeys: 10, maxArms: 10, tiers: DEFAULT_TIERS })
const newSeries = () => createSeries({ limit: 10, keepMs: 1000 })

/** A snapshot of two successes and one failure, whose head states other fields. */
function snapshotWith(change: (fields: SummarySchema['fields']) => SummarySchema['fields']): Uint8Array[] {
  const tally = newTally()
  for (const id of [2, 3, 4]) tally.add(attempt(id, { agent_name: 'a', cost_usd: 1 }), { ms: NOW, local: false }, NOW)
  const state = { tally, ids: createDedupWindow({ ...ids, seed: [1, 2] }), series: newSeries() }
  const [first, ...blocks] = [...encodeState(state)].filter(block => block !== undefined)
  const head = decodeHead(first!)
  return [encodeHead({ ...head, schema: { ...head.schema, fields: change(head.schema.fields) } }), ...blocks]
}

function restore(blocks: readonly Uint8Array[]): { tally: Tally; restored: RestoredState } {
  const tally = newTally()
  const decoder = decodeState(tally, newSeries(), ids)
  decoder.next()
  for (const block of blocks) {
    const step = decoder.next(block)
    if (step.done === true) return { tally, restored: step.value }
  }
  throw new Error('it ends too early')
}

const renamed = (names: Readonly<Record<string, string>>) => (fields: SummarySchema['fields']) =>
  fields.map(([name, size]) => [names[name] ?? name, size] as const)

describe('a snapshot of another layout', () => {
  test('of the same fields in another order is read completely', () => {
    const { tally, restored } = restore(snapshotWith(renamed({ successes: 'failures', failures: 'successes' })))
    const { summary } = tally.keys()[0]!
    expect([successes(summary), failures(summary)]).toEqual([1, 2])
    expect(timeSums(summary).n).toBe(3)
    expect(restored.schemaChange).toEqual({ bounds: [], dropped: [] })
  })

  test.each([
    ['log_cost', 'cost', { cost: 0, timed: 3, calibrated: 3 }],
    ['time_squared', 'duration', { cost: 3, timed: 0, calibrated: 3 }],
    ['bins_of_failures', 'confidence', { cost: 3, timed: 3, calibrated: 0 }],
  ])('that lacks %s loses all that is worked out with it, and no total', (field, group, numbers) => {
    const { tally, restored } = restore(snapshotWith(renamed({ [field]: 'unknown' })))
    const { summary } = tally.keys()[0]!
    expect(restored.schemaChange).toEqual({ bounds: [], dropped: [group] })
    const { reported } = costs(summary)
    expect({ cost: reported, timed: timeSums(summary).n, calibrated: calibrationSums(summary).n }).toEqual(numbers)
    expect([successes(summary), failures(summary)]).toEqual([2, 1])
    expect(timeSum(summary)).toBeCloseTo(9 / 7)
  })

  test('that lacks a total is refused', () => {
    expect(() => restore(snapshotWith(renamed({ successes: 'unknown' })))).toThrow('its summaries have no successes')
  })
})

test('other blocks of older outcomes have another fingerprint', () => {
  const [blocks, attempts, numbers] = OWN_SCHEMA.older
  const other: SummarySchema = { ...OWN_SCHEMA, older: [blocks, attempts + 1, numbers] }
  expect(fingerprintOf(other, [])).not.toBe(fingerprintOf(OWN_SCHEMA, []))
})

test('a head whose schema is not that of its fingerprint is refused', () => {
  const [first] = snapshotWith(fields => fields)
  const text = Buffer.from(first!).toString().replace('["stated",1]', '["steted",1]')
  expect(() => decodeHead(Buffer.from(text))).toThrow('its fingerprint is wrong')
})
