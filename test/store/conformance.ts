/** The conformance suite of stores. Every store must pass `describeStore`. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { recentResults } from '../../src/core/aggregate/recent.ts'
import type { SeriesPoint } from '../../src/core/aggregate/series.ts'
import { averageTime, successes, totalAttempts } from '../../src/core/aggregate/summary.ts'
import { createTally } from '../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../src/core/aggregate/time-tiers.ts'
import { type AgentAttempt, keyId } from '../../src/core/attempt/attempt.ts'
import { parseTimestamp } from '../../src/core/attempt/timestamp.ts'
import type { KeyFilter, KeySummary, Store, TimeRange } from '../../src/core/ports.ts'

/** The location of a store, empty at first. */
export interface Place {
  /** Opens the store. After a close, it has the earlier attempts. `clock` gives the time of receipt. */
  open(clock: () => number): Promise<Store>
  /** Removes the store. */
  remove(): Promise<void>
}

const NOW = Date.parse('2026-03-01T12:00:00Z')
const MINUTE_MS = 60_000

/** Names that a store, file or query language may handle wrongly. */
export const HOSTILE_NAMES: readonly string[] = [
  '__proto__',
  'constructor',
  'toString',
  'a:b',
  'a',
  'b:c',
  'llama3:8b',
  ' ',
  '"},{"',
  "'; DROP TABLE attempts; --",
  '\\',
  '../../etc/passwd',
  '👩‍🚀 ü',
  'caf\u00e9',
  'cafe\u0301',
  '\u202eabc',
  '#2',
  'x'.repeat(256),
]

function attempt(more: Partial<AgentAttempt> = {}): AgentAttempt {
  return {
    agent_name: 'fixer',
    model_name: 'llama3:8b',
    issue_type: 'security',
    success: true,
    confidence: 0.8,
    time_seconds: 1.5,
    timestamp: '2026-03-01T11:59:30Z',
    ...more,
  }
}

/** A point of a series that has counted `value` attempts since its start. */
function point(series: string, value: number, more: Partial<SeriesPoint> = {}): SeriesPoint {
  const { agent_name, model_name, issue_type } = attempt()
  return {
    series,
    key: { agent_name, model_name, issue_type },
    measure: { metric: 'attempts', of: 'success' },
    startMs: NOW - 60 * MINUTE_MS,
    timeMs: NOW + value,
    cumulative: true,
    values: [value],
    ...more,
  }
}

/** The numbers of a summary and the recent attempts of a key, for comparison to the last bit. */
function rows(summaries: readonly KeySummary[]): unknown[] {
  return summaries.map(({ key, summary, recent }) => [keyId(key), [...summary], [...recentResults(recent, key)]])
}

async function all(store: Store, limit: number): Promise<AgentAttempt[]> {
  const found: AgentAttempt[] = []
  let cursor: string | undefined
  do {
    const page = await store.attempts({ limit, cursor })
    found.push(...page.attempts)
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return found
}

export function describeStore(name: string, create: () => Promise<Place>): void {
  describe(name, () => {
    let place: Place
    let store: Store
    let nowMs: number

    async function reopen(): Promise<void> {
      await store.close()
      store = await place.open(() => nowMs)
    }
    async function total(): Promise<number> {
      return (await store.summaries()).reduce((sum, one) => sum + totalAttempts(one.summary), 0)
    }

    beforeEach(async () => {
      nowMs = NOW
      place = await create()
      store = await place.open(() => nowMs)
    })
    afterEach(async () => {
      await store.close()
      await place.remove()
    })

    test('attempts are counted and listed, newest first, once append has resolved', async () => {
      const sent = [attempt({ attempt_id: '1' }), attempt({ attempt_id: '2', success: false, time_seconds: 2.5 })]
      expect(await store.append(sent)).toEqual({ accepted: 2, duplicates: 0 })
      const [one] = await store.summaries()
      expect(totalAttempts(one!.summary)).toBe(2)
      expect(successes(one!.summary)).toBe(1)
      expect(averageTime(one!.summary)).toBe(2)
      expect(await store.attempts({ limit: 10 })).toEqual({ attempts: [...sent].reverse(), next_cursor: null })
    })

    test('an empty append resolves at once', async () => {
      expect(await store.append([])).toEqual({ accepted: 0, duplicates: 0 })
      expect(await store.summaries()).toEqual([])
      expect(await store.attempts({ limit: 10 })).toEqual({ attempts: [], next_cursor: null })
    })

    test('every field of an attempt is stored', async () => {
      const whole = attempt({
        confidence: null,
        attempt_id: 'id',
        error_type: 'timeout',
        experiment: 'prompt',
        variant: 'b',
        input_tokens: 1,
        output_tokens: 2,
        cache_read_tokens: 3,
        cache_write_tokens: 4,
        cost_usd: 0.1,
        computed_cost_usd: 0.3,
        timestamp: '2026-03-01T11:59:30.123456+02:00',
        time_seconds: 0.1 + 0.2,
      })
      await store.append([whole])
      await reopen()
      expect(await store.attempts({ limit: 10 })).toEqual({ attempts: [whole], next_cursor: null })
    })

    test('the same id counts once: in one call, in two at a time, and after a restart', async () => {
      const one = attempt({ attempt_id: 'one' })
      expect(await store.append([one, attempt(), one])).toEqual({ accepted: 2, duplicates: 1 })
      const two = attempt({ attempt_id: 'two' })
      const answers = await Promise.all([store.append([two]), store.append([two]), store.append([one, two])])
      expect(answers.reduce((sum, answer) => sum + answer.accepted, 0)).toBe(1)
      expect(await total()).toBe(3)
      await reopen()
      expect(await store.append([one, two])).toEqual({ accepted: 0, duplicates: 2 })
      expect(await total()).toBe(3)
    })

    test('attempts without an id all count', async () => {
      await store.append([attempt(), attempt()])
      await store.append([attempt()])
      expect(await total()).toBe(3)
    })

    test('concurrent calls are counted in the order of the calls', async () => {
      const calls = Array.from({ length: 50 }, (_, i) => store.append([attempt({ attempt_id: `${i}` })]))
      await Promise.all(calls)
      const ids = (await all(store, 1000)).map(one => one.attempt_id)
      expect(ids.reverse()).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`))
    })

    test('new counts of metric points are counted once, together with attempts, and never listed', async () => {
      const buckets = [0, 1, ...Array(15).fill(0)]
      const duration = { measure: { metric: 'duration', of: 'success' }, values: [1, 0.15, ...buckets] } as const
      const points = [point('s', 3), point('d', 1, duration), point('delta', 2, { cumulative: false })]
      expect(await store.appendPoints(points)).toEqual({ attempts: 5, refused: 0, late: 0 })
      expect(await store.appendPoints(points)).toEqual({ attempts: 0, refused: 0, late: 0 })
      await store.append([attempt({ time_seconds: 0.25 })])
      await reopen()
      expect(await store.appendPoints([...points, point('s', 7)])).toEqual({ attempts: 4, refused: 0, late: 0 })
      const [one] = await store.summaries()
      expect([totalAttempts(one!.summary), averageTime(one!.summary)]).toEqual([10, 0.2])
      expect(one!.recent.added).toBe(1)
      expect((await store.attempts({ limit: 10 })).attempts).toHaveLength(1)
      const range = { sinceMs: NOW - MINUTE_MS, untilMs: NOW + MINUTE_MS }
      expect(totalAttempts((await store.summaries(range))[0]!.summary)).toBe(10)
    })

    test('after a reset, only later counts of a series are new', async () => {
      await store.appendPoints([point('s', 3)])
      await store.reset()
      expect(await store.appendPoints([point('s', 4)])).toEqual({ attempts: 0, refused: 0, late: 0 })
      await reopen()
      expect(await store.appendPoints([point('s', 9)])).toEqual({ attempts: 5, refused: 0, late: 0 })
      expect(await store.appendPoints([point('new', 2, { startMs: NOW + 1 })])).toEqual({
        attempts: 2,
        refused: 0,
        late: 0,
      })
      expect(await total()).toBe(7)
    })

    test('names of any kind are distinguished, and survive a restart', async () => {
      const sent = HOSTILE_NAMES.flatMap(name => [
        attempt({ agent_name: name }),
        attempt({ model_name: name, experiment: name, variant: name }),
        attempt({ issue_type: name, error_type: name }),
      ])
      sent.push(attempt({ agent_name: 'a:b', model_name: 'c', issue_type: 'd' }))
      sent.push(attempt({ agent_name: 'a', model_name: 'b:c', issue_type: 'd' }))
      await store.append(sent)
      await reopen()
      const keys = new Set(sent.map(keyId))
      const summaries = await store.summaries()
      expect(new Set(summaries.map(one => keyId(one.key)))).toEqual(keys)
      expect((await all(store, 1000)).reverse()).toEqual(sent)
      for (const name of HOSTILE_NAMES) {
        expect(await store.arms(name)).toHaveLength(1)
        const found = await store.summaries(undefined, { agent_name: name })
        expect(new Set(found.map(one => one.key.agent_name))).toEqual(new Set([name]))
      }
      expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    })

    test('a filter selects the keys that equal each of its names', async () => {
      await store.append([
        attempt(),
        attempt({ issue_type: 'style' }),
        attempt({ agent_name: 'other' }),
        attempt({ model_name: 'gpt-5' }),
      ])
      const names = (summaries: readonly KeySummary[]): string[] => summaries.map(one => one.key.issue_type)
      expect(names(await store.summaries(undefined, { agent_name: 'fixer', model_name: 'llama3:8b' }))).toEqual([
        'security',
        'style',
      ])
      expect(await store.summaries(undefined, { agent_name: 'nobody' })).toEqual([])
      expect((await store.attempts({ limit: 9, model_name: 'gpt-5' })).attempts).toHaveLength(1)
    })

    test('a range includes the attempts that ended in it', async () => {
      const at = (ms: number): string => new Date(ms).toISOString()
      await store.append([
        attempt({ timestamp: at(NOW - 10 * MINUTE_MS) }),
        attempt({ timestamp: at(NOW - 2 * MINUTE_MS), issue_type: 'style' }),
        attempt({ timestamp: at(NOW - MINUTE_MS), issue_type: 'style' }),
      ])
      const range = { sinceMs: NOW - 3 * MINUTE_MS, untilMs: NOW - MINUTE_MS }
      const [one, ...rest] = await store.summaries(range)
      expect(one!.key.issue_type).toBe('style')
      expect(totalAttempts(one!.summary)).toBe(1)
      expect(rest).toEqual([])
      expect((await store.attempts({ limit: 10, range })).attempts).toHaveLength(1)
    })

    test('the arms of an experiment are counted separately', async () => {
      await store.append([
        attempt({ experiment: 'prompt', variant: 'a' }),
        attempt({ experiment: 'prompt', variant: 'b', success: false }),
        attempt({ experiment: 'prompt', variant: 'b' }),
        attempt({ experiment: 'other', variant: 'a' }),
      ])
      await reopen()
      const arms = await store.arms('prompt')
      expect(arms.map(arm => [arm.variant, totalAttempts(arm.summary), successes(arm.summary)])).toEqual([
        ['a', 1, 1],
        ['b', 2, 1],
      ])
      expect(await store.arms('unknown')).toEqual([])
      const range = { sinceMs: NOW - MINUTE_MS, untilMs: NOW }
      expect((await store.arms('prompt', range)).map(arm => totalAttempts(arm.summary))).toEqual([1, 2])
      const later = await store.arms('prompt', { sinceMs: NOW, untilMs: NOW + MINUTE_MS })
      expect(later.map(arm => [arm.variant, totalAttempts(arm.summary)])).toEqual([
        ['a', 0],
        ['b', 0],
      ])
    })

    test('the arms of an experiment are counted by key, in a range too, also after a restart', async () => {
      const at = (ms: number): string => new Date(ms).toISOString()
      const arm = (variant: string, more: object) => attempt({ experiment: 'prompt', variant, ...more })
      await store.append([
        arm('a', { issue_type: 'style', timestamp: at(NOW - 10 * MINUTE_MS) }),
        arm('a', { issue_type: 'bug' }),
        arm('b', { issue_type: 'bug', success: false }),
        arm('b', { issue_type: 'bug', model_name: 'other' }),
      ])
      await reopen()
      const counted = async (filter: KeyFilter, range?: TimeRange) =>
        (await store.arms('prompt', range, filter)).map(one => [one.variant, totalAttempts(one.summary)])
      const recent = { sinceMs: NOW - 5 * MINUTE_MS, untilMs: NOW + MINUTE_MS }
      expect(await counted({ issue_type: 'bug' })).toEqual([
        ['a', 1],
        ['b', 2],
      ])
      expect(await counted({ issue_type: 'bug', model_name: 'other' })).toEqual([
        ['a', 0],
        ['b', 1],
      ])
      expect(await counted({ issue_type: 'style' })).toEqual([
        ['a', 1],
        ['b', 0],
      ])
      expect(await counted({ issue_type: 'style' }, recent)).toEqual([
        ['a', 0],
        ['b', 0],
      ])
      expect((await store.arms('prompt', recent, { issue_type: 'bug' })).map(one => one.firstMs)).toEqual([
        NOW - 10 * MINUTE_MS,
        NOW - 30_000,
      ])
    })

    test('the plan of an experiment is kept, replaced and removed, and survives a restart', async () => {
      const plan = {
        shares: new Map([
          ['__proto__', 90],
          ['canary', 10],
        ]),
        baseline: '__proto__',
        endMs: NOW,
      }
      expect(store.experimentPlan('__proto__')).toBeUndefined()
      expect(await store.putExperimentPlan('__proto__', plan)).toBe('stored')
      expect(await store.putExperimentPlan('__proto__', plan)).toBe('stored')
      await reopen()
      expect(store.experimentPlan('__proto__')).toEqual(plan)
      expect(await store.putExperimentPlan('__proto__', { baseline: 'canary' })).toBe('stored')
      expect(await store.putExperimentPlan('other', { baseline: 'x' })).toBe('stored')
      await reopen()
      expect(store.experimentPlan('__proto__')).toEqual({ baseline: 'canary', shares: undefined, endMs: undefined })
      expect(await store.putExperimentPlan('__proto__', {})).toBe('stored')
      await reopen()
      expect(store.experimentPlan('__proto__')).toBeUndefined()
      expect((await store.attempts({ limit: 10 })).attempts).toEqual([])
      await store.reset()
      await reopen()
      expect(store.experimentPlan('other')).toBeUndefined()
    })

    test('pages have no gap and no repetition, also while attempts arrive', async () => {
      const ids = Array.from({ length: 25 }, (_, i) => `${i}`)
      for (const id of ids) await store.append([attempt({ attempt_id: id })])
      const first = await store.attempts({ limit: 10 })
      await store.append([attempt({ attempt_id: 'late' })])
      const rest: AgentAttempt[] = []
      for (let cursor = first.next_cursor; cursor !== null; ) {
        const page = await store.attempts({ limit: 10, cursor })
        rest.push(...page.attempts)
        cursor = page.next_cursor
      }
      expect([...first.attempts, ...rest].map(one => one.attempt_id)).toEqual([...ids].reverse())
    })

    test.each(['', 'x', '????', 'MTIzNDU2Nzg5MA', '../../etc', '0'.repeat(1000)])(
      'a cursor that no page ended with (%j) is a RangeError',
      async cursor => {
        await store.append([attempt()])
        await expect(store.attempts({ limit: 10, cursor })).rejects.toBeInstanceOf(RangeError)
      },
    )

    test('a reset removes everything, including ids, also after a restart', async () => {
      const one = attempt({ attempt_id: 'one', experiment: 'prompt', variant: 'a' })
      await store.append([one, attempt()])
      await store.reset()
      const forgotten = async (): Promise<void> => {
        expect(await store.summaries()).toEqual([])
        expect(await store.summaries({ sinceMs: 0, untilMs: NOW })).toEqual([])
        expect(await store.arms('prompt')).toEqual([])
        expect(await store.attempts({ limit: 10 })).toEqual({ attempts: [], next_cursor: null })
      }
      await forgotten()
      await reopen()
      await forgotten()
      expect(await store.append([one])).toEqual({ accepted: 1, duplicates: 0 })
      await reopen()
      expect(await total()).toBe(1)
    })

    test('a reset removes everything appended before it, and nothing appended after it', async () => {
      const before = store.append([attempt({ attempt_id: 'before' })])
      const reset = store.reset()
      const after = store.append([attempt({ attempt_id: 'after' })])
      await Promise.all([before, reset, after])
      expect((await all(store, 10)).map(one => one.attempt_id)).toEqual(['after'])
      expect(await total()).toBe(1)
    })

    test('after close all calls are refused, and a second close does nothing', async () => {
      expect(store.health()).toEqual({ writable: true })
      const last = store.append([attempt()])
      await Promise.all([store.close(), store.close()])
      expect(await last).toEqual({ accepted: 1, duplicates: 0 })
      const closed = { name: 'StoreUnavailable', reason: 'closed' }
      await expect(store.append([attempt()])).rejects.toMatchObject(closed)
      await expect(store.appendPoints([point('s', 1)])).rejects.toMatchObject(closed)
      await expect(store.summaries()).rejects.toMatchObject(closed)
      await expect(store.arms('prompt')).rejects.toMatchObject(closed)
      await expect(store.attempts({ limit: 1 })).rejects.toMatchObject(closed)
      await expect(store.reset()).rejects.toMatchObject(closed)
      await expect(store.putExperimentPlan('e', {})).rejects.toMatchObject(closed)
      expect(store.health().writable).toBe(false)
      store = await place.open(() => nowMs)
      expect(await total()).toBe(1)
    })

    test('for any attempts, groups and restarts, every answer counts each attempt once', async () => {
      const names = fc.constantFrom('a', 'b', 'a:b', '__proto__')
      const some = fc.record({
        agent_name: names,
        model_name: names,
        issue_type: names,
        success: fc.boolean(),
        confidence: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: null }),
        time_seconds: fc.double({ min: 0, max: 1e9, noNaN: true }),
        timestamp: fc
          .date({ min: new Date(NOW - 40 * 86_400_000), max: new Date(NOW), noInvalidDate: true })
          .map(date => date.toISOString()),
        attempt_id: fc.option(fc.integer({ min: 0, max: 20 }).map(String), { nil: undefined }),
        cost_usd: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined }),
      })
      const step = fc.oneof(
        { weight: 5, arbitrary: fc.array(some, { maxLength: 8 }) },
        { weight: 1, arbitrary: fc.constant('restart' as const) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 * 86_400_000 }) },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
          await store.reset()
          nowMs = NOW
          const tally = createTally({ maxKeys: 1000, maxArms: 10, tiers: DEFAULT_TIERS })
          const ids = new Set<string>()
          for (const one of steps) {
            if (one === 'restart') await reopen()
            else if (typeof one === 'number') nowMs += one % 1000
            else await sendAndCount(one)
          }
          async function sendAndCount(batch: readonly AgentAttempt[]): Promise<void> {
            await store.append(batch)
            for (const one of batch) {
              if (one.attempt_id !== undefined && ids.has(one.attempt_id)) continue
              if (one.attempt_id !== undefined) ids.add(one.attempt_id)
              tally.add(one, parseTimestamp(one.timestamp)!, nowMs)
            }
          }
          expect(rows(await store.summaries())).toEqual(rows(tally.keys()))
          for (const days of [0.5, 20, 50]) {
            const range = { sinceMs: nowMs - days * 86_400_000, untilMs: nowMs }
            expect(rows(await store.summaries(range))).toEqual(rows([...tally.ranged(range, {}, nowMs)]))
          }
        }),
        { numRuns: 40 },
      )
    })
  })
}
