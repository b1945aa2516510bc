import { describe, expect, test } from 'vitest'
import { OVERFLOW_KEY } from '../../../src/core/aggregate/tally.ts'
import type { KeySummary } from '../../../src/core/ports.ts'
import { declineOf, watchAgent, watchKey } from '../../../src/core/reports/drift-watch.ts'
import { trendReport } from '../../../src/core/reports/trends.ts'
import { createWatched, MINUTE_MS, type Watched } from '../statistics/watched.ts'

/** `count` attempts of which `good` succeed, spread evenly. */
function attempt(watched: Watched, good: number, count: number, agent = 'a', issue = 'i'): void {
  for (let i = 0; i < count; i++) {
    watched.attempt(agent, issue, Math.floor(((i + 1) * good) / count) > Math.floor((i * good) / count))
  }
}

function keyWith(...parts: readonly (readonly [number, number])[]): KeySummary {
  const watched = createWatched()
  for (const [good, count] of parts) attempt(watched, good, count)
  return watched.keys()[0]!
}

/** The time range from attempt `from` to before attempt `to`. The first attempt is number 1. */
const range = (from: number, to: number) => ({ sinceMs: from * MINUTE_MS, untilMs: to * MINUTE_MS })

describe('a key', () => {
  test('with a fallen rate has drifted down, with the estimated start and the ratio to the threshold', () => {
    const key = keyWith([270, 300], [20, 40])
    const drift = watchKey(key, 1)!
    expect(drift).toMatchObject({ direction: 'down', threshold: 4.5 })
    expect(drift.began_attempts_ago).toBeGreaterThan(30)
    expect(drift.began_attempts_ago).toBeLessThan(60)
    expect(declineOf(key, 1)).toBeCloseTo(drift.statistic / 4.5, 12)
  })

  test('with a constant rate has not drifted, and one with a higher rate has drifted up', () => {
    expect(watchKey(keyWith([300, 400]), 1)).toMatchObject({ direction: 'none', began_attempts_ago: null })
    const better = keyWith([150, 300], [90, 100])
    expect(watchKey(better, 1)!.direction).toBe('up')
    expect(declineOf(better, 1)).toBeLessThan(0.5)
  })

  test('has to fall further for an alarm if many keys are monitored', () => {
    const key = keyWith([270, 300], [16, 26])
    expect(watchKey(key, 1)!.direction).toBe('down')
    expect(watchKey(key, 1000)!.direction).toBe('none')
  })

  test('with fewer than 59 attempts has no baseline', () => {
    expect(watchKey(keyWith([30, 30], [0, 28]), 1)).toBeNull()
    expect(declineOf(keyWith([30, 30], [0, 28]), 1)).toBeUndefined()
    expect(watchKey(keyWith([30, 30], [0, 29]), 1)!.direction).toBe('down')
  })
})

describe('a range of time', () => {
  const key = keyWith([270, 300], [10, 40], [36, 40])

  test('ignores attempts after its end', () => {
    expect(watchKey(key, 1, range(1, 301))!.direction).toBe('none')
    expect(watchKey(key, 1, range(1, 341))!.direction).toBe('down')
  })

  test('monitors only its own attempts, against a baseline of all before them', () => {
    expect(watchKey(key, 1, range(301, 341))!.direction).toBe('down')
    expect(watchKey(key, 1, range(341, 381))!.direction).toBe('none')
    expect(watchKey(key, 1, range(301, 381))).toEqual(
      watchKey(keyWith([270, 300], [10, 40], [36, 40]), 1, range(301, 999)),
    )
  })

  test('has no result if none of its attempts is in memory', () => {
    expect(watchKey(key, 1, range(1, 200))).toBeNull()
    expect(watchKey(key, 1, range(900, 999))).toBeNull()
  })

  test('applies to agents too', () => {
    const watched = createWatched()
    attempt(watched, 270, 300)
    attempt(watched, 10, 40)
    const at = (to: number) => watchAgent(watched.keys(), watched.keys(), 1, range(1, to))?.direction
    expect([at(301), at(341), at(200)]).toEqual(['none', 'down', undefined])
  })

  test('of a report spans its intervals', () => {
    const report = (to: number) => {
      const counts = { successes: 1, attempts: 2 }
      return trendReport([range(1, to)], [counts], [key], [key])
    }
    expect(report(341).drifted_keys).toMatchObject([{ agent_name: 'a', direction: 'down' }])
    expect(report(301).drifted_keys).toEqual([])
  })
})

describe('an agent', () => {
  /** Two agents with constant rates, one of which is worse at every issue type. */
  function unequal(): Watched {
    const watched = createWatched()
    for (let round = 0; round < 5; round++) {
      for (let type = 0; type < 40; type++) {
        watched.attempt('poor', `type ${type}`, (round + type) % 5 === 0)
        watched.attempt('good', `type ${type}`, (round + type) % 5 !== 0)
      }
    }
    return watched
  }

  test.each(['poor', 'good'])(
    'that has always been %s has not drifted, even with few attempts at each issue type',
    name => {
      const watched = unequal()
      expect(watchAgent(watched.keys(name), watched.keys(), 2)!.direction).toBe('none')
    },
  )

  test('that gets harder issues has not drifted, and one that gets worse at easy issues has', () => {
    const watched = createWatched()
    const both = (good: number, of: number, issue: string): void => {
      attempt(watched, good, of, 'a', issue)
      attempt(watched, good, of, 'b', issue)
    }
    both(180, 200, 'easy')
    both(60, 200, 'hard')
    attempt(watched, 18, 60, 'a', 'hard')
    attempt(watched, 30, 60, 'b', 'easy')
    expect(watchAgent(watched.keys('a'), watched.keys(), 2)!.direction).toBe('none')
    expect(watchAgent(watched.keys('b'), watched.keys(), 2)!.direction).toBe('down')
  })

  test('with fewer than 59 attempts, or none, has no baseline', () => {
    const watched = createWatched()
    expect(watchAgent([], [], 1)).toBeNull()
    attempt(watched, 10, 58)
    expect(watchAgent(watched.keys(), watched.keys(), 1)).toBeNull()
  })

  test('with a single kind of outcome has a finite statistic', () => {
    for (const good of [0, 200]) {
      const watched = createWatched()
      attempt(watched, good, 200)
      expect(watchAgent(watched.keys(), watched.keys(), 1)).toMatchObject({
        direction: 'none',
        statistic: expect.any(Number),
      })
      expect(watchAgent(watched.keys(), watched.keys(), 1)!.statistic).toBeLessThan(4.5)
    }
  })
})

test('the overflow key and its agent are never reported as drifted', () => {
  const watched = createWatched()
  attempt(watched, 270, 300, OVERFLOW_KEY.agent_name)
  attempt(watched, 0, 60, OVERFLOW_KEY.agent_name)
  const counts = { successes: 1, attempts: 2 }
  const report = trendReport([range(1, 400)], [counts], watched.keys(), watched.keys())
  expect([report.drifted_keys, report.agents]).toEqual([[], {}])
})
