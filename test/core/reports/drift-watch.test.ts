import { describe, expect, test } from 'vitest'
import { OVERFLOW_KEY } from '../../../src/core/aggregate/tally.ts'
import type { KeySummary } from '../../../src/core/ports.ts'
import { declineSteps, driftSteps } from '../../../src/core/reports/drift-report.ts'
import { watchAgent, watchKey } from '../../../src/core/reports/drift-watch.ts'
import { trendReport } from '../../../src/core/reports/trends.ts'
import { runToCompletion } from '../../../src/core/steps.ts'
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

const declineOf = (key: KeySummary): number | undefined => runToCompletion(declineSteps([key]))[0]

/** The time range from attempt `from` to before attempt `to`. The first attempt is number 1. */
const range = (from: number, to: number) => ({ sinceMs: from * MINUTE_MS, untilMs: to * MINUTE_MS })

describe('a key', () => {
  test('with a fallen rate has drifted down, with the estimated start and the ratio to the threshold', () => {
    const key = keyWith([270, 300], [20, 40])
    const drift = watchKey(key, 1)!
    expect(drift).toMatchObject({ direction: 'down', threshold: 4.5 })
    expect(drift.began_attempts_ago).toBeGreaterThan(30)
    expect(drift.began_attempts_ago).toBeLessThan(60)
    expect(declineOf(key)).toBeCloseTo(drift.statistic / 4.5, 12)
  })

  test('states the time of the first attempt of its drift, and so does its agent', () => {
    const watched = createWatched()
    attempt(watched, 270, 300)
    attempt(watched, 20, 40)
    const key = watchKey(watched.keys()[0]!, 1)!
    const agent = watchAgent(watched.keys(), 1)!
    for (const { began_at, began_attempts_ago } of [key, agent])
      expect(Date.parse(began_at!)).toBe((340 - began_attempts_ago! + 1) * MINUTE_MS)
    expect(watchKey(keyWith([300, 400]), 1)!.began_at).toBeNull()
  })

  test('with a constant rate has not drifted, and one with a higher rate has drifted up', () => {
    expect(watchKey(keyWith([300, 400]), 1)).toMatchObject({ direction: 'none', began_attempts_ago: null })
    const better = keyWith([150, 300], [90, 100])
    expect(watchKey(better, 1)!.direction).toBe('up')
    expect(declineOf(better)).toBeLessThan(0.5)
  })

  test('has to fall further for an alarm if many keys are monitored', () => {
    const key = keyWith([270, 300], [16, 26])
    expect(watchKey(key, 1)!.direction).toBe('down')
    expect(watchKey(key, 1000)!.direction).toBe('none')
  })

  test('with fewer than 59 attempts has no baseline', () => {
    expect(watchKey(keyWith([30, 30], [0, 28]), 1)).toBeNull()
    expect(declineOf(keyWith([30, 30], [0, 28]))).toBeUndefined()
    expect(watchKey(keyWith([30, 30], [0, 29]), 1)!.direction).toBe('down')
  })
})

describe('late attempts', () => {
  /** 300 attempts at 90 %, then 26 with 16 successes, received in order or in pairs that are turned round. */
  function received(distance: number): Watched {
    const watched = createWatched()
    const outcomes = [
      ...Array.from({ length: 300 }, (_, i) => i % 10 !== 0),
      ...Array.from({ length: 26 }, (_, i) => i % 13 < 8),
    ]
    const order = outcomes.map((_, i) => i)
    if (distance > 0) order.sort((a, b) => Math.floor(a / distance) - Math.floor(b / distance) || b - a)
    for (const i of order) watched.attemptAt(i, 'a', 'i', outcomes[i]!)
    return watched
  }
  const keyOf = (watched: Watched): KeySummary => watched.keys()[0]!

  test('discount the statistic by up to 0.5, and raise no other alarm than attempts in order do', () => {
    const inOrder = watchKey(keyOf(received(0)), 1000)!
    const late = watchKey(keyOf(received(50)), 1000)!
    expect([inOrder.direction, late.direction]).toEqual(['none', 'none'])
    // The blocks of older attempts end elsewhere, which changes the baseline a little.
    expect(Math.abs(inOrder.statistic - late.statistic - 0.5)).toBeLessThan(0.1)
    // Pairs that changed places are displaced by 1.
    expect(inOrder.statistic - watchKey(keyOf(received(2)), 1000)!.statistic).toBeCloseTo(0.05, 2)
  })

  test('raise an alarm where the statistic reaches the threshold beyond the discount', () => {
    const inOrder = watchKey(keyOf(received(0)), 1)!
    expect(inOrder.direction).toBe('down')
    const late = watchKey(keyOf(received(50)), 1)!
    expect(late.direction).toBe('down')
    expect(late.statistic).toBeGreaterThanOrEqual(late.threshold)
    expect(declineOf(keyOf(received(50)))).toBeCloseTo(late.statistic / 4.5, 12)
  })
})

describe('the baseline of a key', () => {
  test('is recent history: 1,000 at 50 %, 1,000 at 90 %, then 100 at 70 % is down', () => {
    const drift = watchKey(keyWith([500, 1000], [900, 1000], [70, 100]), 1)!
    expect(drift.direction).toBe('down')
    expect(drift.expected_rate).toBeGreaterThan(85)
    expect(drift.began_attempts_ago).toBeLessThanOrEqual(110)
  })

  test('is learned again after a change, so that the alarm ends and a further fall is one', () => {
    expect(watchKey(keyWith([450, 500], [300, 500]), 1)!.direction).toBe('none')
    expect(watchKey(keyWith([450, 500], [300, 500], [24, 80]), 1)!.direction).toBe('down')
    expect(watchKey(keyWith([450, 500], [300, 500], [76, 80]), 1)!.direction).toBe('up')
  })

  test('does not depend on the order of receipt: history that is back-filled later gives the same drift', () => {
    const history = Array.from({ length: 300 }, (_, i) => [i, i % 10 !== 0] as const)
    const latest = Array.from({ length: 60 }, (_, i) => [1000 + i, i % 10 < 5] as const)
    const directionOf = (list: readonly (readonly [minute: number, success: boolean])[]) => {
      const watched = createWatched()
      for (const [minute, success] of list) watched.attemptAt(minute, 'a', 'i', success)
      return watchKey(watched.keys()[0]!, 1)!.direction
    }
    expect(directionOf([...history, ...latest])).toBe('down')
    expect(directionOf([...latest, ...history])).toBe('down')
    expect(directionOf([...history, ...latest].reverse())).toBe('down')
  })
})

test('keys that fall together need less evidence than one that falls alone', () => {
  const drifted = (fallen: number): number => {
    const watched = createWatched()
    for (let key = 0; key < 50; key++) {
      attempt(watched, 270, 300, 'a', `type ${key}`)
      attempt(watched, key < fallen ? 24 : 36, 40, 'a', `type ${key}`)
    }
    const declines = runToCompletion(declineSteps(watched.keys()))
    const { drifted_keys } = runToCompletion(driftSteps(watched.keys()))
    // The gauge and the report raise the same alarms.
    expect(declines.filter(decline => decline! >= 1)).toHaveLength(drifted_keys.length)
    return drifted_keys.length
  }
  expect([drifted(1), drifted(25)]).toEqual([0, 25])
})

describe('a range of time', () => {
  const key = keyWith([270, 300], [10, 40], [36, 40])

  test('ignores attempts after its end', () => {
    expect(watchKey(key, 1, range(1, 301))!.direction).toBe('none')
    expect(watchKey(key, 1, range(1, 341))!.direction).toBe('down')
  })

  test('monitors only its own attempts, against a baseline of recent history before them', () => {
    expect(watchKey(key, 1, range(301, 341))!.direction).toBe('down')
    const recovered = watchKey(key, 1, range(341, 381))!
    expect(recovered.direction).toBe('up')
    expect(recovered.expected_rate).toBeLessThan(50)
    expect(recovered.began_attempts_ago).toBeLessThanOrEqual(40)
    expect(watchKey(keyWith([270, 300], [36, 40]), 1, range(301, 341))!.direction).toBe('none')
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
    const at = (to: number) => watchAgent(watched.keys(), 1, range(1, to))?.direction
    expect([at(301), at(341), at(200)]).toEqual(['none', 'down', undefined])
  })

  test('of a report spans its intervals', () => {
    const report = (to: number) => {
      const counts = { successes: 1, attempts: 2 }
      return trendReport([range(1, to)], [counts], [key])
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
      expect(watchAgent(watched.keys(name), 2)!.direction).toBe('none')
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
    expect(watchAgent(watched.keys('a'), 2)!.direction).toBe('none')
    expect(watchAgent(watched.keys('b'), 2)!.direction).toBe('down')
  })

  test.each([
    ['harder', 10],
    ['easier', 29],
  ])('that meets a new issue type, which is %s, has not drifted, however much it works at it', (_, good) => {
    const watched = createWatched()
    attempt(watched, 320, 400, 'a', 'usual')
    for (let round = 0; round < 12; round++) {
      attempt(watched, good, 30, 'a', 'new')
      expect(watchAgent(watched.keys(), 1)!.direction).toBe('none')
    }
  })

  test('whose type with nine attempts becomes its main work has not drifted, and it has if that type gets worse later', () => {
    const watched = createWatched()
    attempt(watched, 360, 400, 'a', 'usual')
    attempt(watched, 4, 9, 'a', 'rare')
    attempt(watched, 90, 200, 'a', 'rare')
    expect(watchAgent(watched.keys(), 1)!.direction).toBe('none')
    attempt(watched, 5, 60, 'a', 'rare')
    expect(watchAgent(watched.keys(), 1)!.direction).toBe('down')
  })

  test('with fewer than 59 attempts, or none, has no baseline', () => {
    const watched = createWatched()
    expect(watchAgent([], 1)).toBeNull()
    attempt(watched, 10, 58)
    expect(watchAgent(watched.keys(), 1)).toBeNull()
  })

  test('with a single kind of outcome has a finite statistic', () => {
    for (const good of [0, 200]) {
      const watched = createWatched()
      attempt(watched, good, 200)
      expect(watchAgent(watched.keys(), 1)).toMatchObject({
        direction: 'none',
        statistic: expect.any(Number),
      })
      expect(watchAgent(watched.keys(), 1)!.statistic).toBeLessThan(4.5)
    }
  })
})

test('the overflow key and its agent are never reported as drifted', () => {
  const watched = createWatched()
  attempt(watched, 270, 300, OVERFLOW_KEY.agent_name)
  attempt(watched, 0, 60, OVERFLOW_KEY.agent_name)
  const counts = { successes: 1, attempts: 2 }
  const report = trendReport([range(1, 400)], [counts], watched.keys())
  expect([report.drifted_keys, report.agents]).toEqual([[], {}])
})
