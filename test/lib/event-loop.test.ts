/** Questions about thousands of keys yield to the event loop: other work does not wait for the whole answer. */
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { createTally } from '../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../src/core/aggregate/time-tiers.ts'
import type { Store } from '../../src/core/ports.ts'
import { forEachKey } from '../../src/core/steps.ts'
import { createEventLoopYield, createWorkQueue } from '../../src/lib/event-loop.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'

afterEach(() => vi.restoreAllMocks())

const NOW_MS = Date.UTC(2026, 0, 31, 12)

/** A tracker of 10,000 keys with 60 attempts each and an experiment of 1000 arms, all in memory. */
function trackerOfThousands(): AgentPerformanceTracker {
  const tally = createTally({ maxKeys: 10_000, maxArms: 1000, tiers: DEFAULT_TIERS })
  for (let at = 0; at < 600_000; at++) {
    const key = at % 10_000
    tally.add(
      {
        agent_name: `agent-${key % 20}`,
        model_name: `model-${Math.floor(key / 20) % 5}`,
        issue_type: `issue-${Math.floor(key / 100)}`,
        success: (at * 7919) % 10 < 7,
        confidence: (at % 97) / 97,
        time_seconds: 1,
        cost_usd: 0.5,
        timestamp: '2026-01-31T11:00:00Z',
        experiment: 'prompt',
        variant: `variant-${key % 1000}`,
      },
      { ms: NOW_MS - 3_600_000, local: false },
      NOW_MS,
    )
  }
  const store: Partial<Store> = {
    summaries: async (range, filter) =>
      range === undefined ? tally.keys(filter) : [...tally.ranged(range, filter ?? {}, NOW_MS)],
    arms: async experiment => tally.arms(experiment),
    asOf: () => undefined,
    experiments: () => [],
    experimentPlan: () => undefined,
    overflowedArms: async () => ({ own: 0, unknown: 0 }),
    coverage: () => ({ earliestMs: Number.NEGATIVE_INFINITY, spanMs: 0 }),
    clip: range => range,
    health: () => ({ writable: true }),
    usage: () => ({ keys: 0, maxKeys: 1, arms: 0, maxArms: 1 }),
    firingAlerts: () => new Map(),
    close: async () => undefined,
  }
  return new AgentPerformanceTracker({ store: store as Store, clock: () => NOW_MS })
}

describe('jobs of one queue', () => {
  /** Work of `steps` steps. Each advances the mocked clock by `stepMs`; nothing else does. */
  function* work(clock: { ms: number; steps: number }, steps: number, stepMs: number): Generator<void, number> {
    for (let i = 0; i < steps; i++) {
      clock.ms += stepMs
      clock.steps++
      yield
    }
    return steps
  }

  test('take together no longer per event loop iteration than one job alone', async () => {
    const clock = { ms: 0, steps: 0 }
    vi.spyOn(performance, 'now').mockImplementation(() => clock.ms)
    const run = createWorkQueue()
    const all = Promise.all(Array.from({ length: 20 }, () => run(work(clock, 5, 0.125))))
    const perIteration: number[] = []
    for (let before = 0; clock.steps < 100; before = clock.steps) {
      await new Promise(resolve => setImmediate(resolve))
      perIteration.push(clock.steps - before)
    }
    expect(await all).toEqual(Array(20).fill(5))
    // A time slice of 0.25 ms holds two steps. The first iteration also counts the steps that ran at the call.
    expect(Math.max(...perIteration.slice(1))).toBe(2)
    expect(perIteration[0]).toBeLessThanOrEqual(4)
  })

  test('are served round-robin: a short question does not wait for the long ones before it', async () => {
    const clock = { ms: 0, steps: 0 }
    vi.spyOn(performance, 'now').mockImplementation(() => clock.ms)
    const run = createWorkQueue()
    const done: string[] = []
    const asked = [run(work(clock, 100, 0.5)), run(work(clock, 100, 0.5)), run(work(clock, 2, 0.5))]
    await Promise.all(asked.map((work, i) => work.then(() => done.push(['long', 'long', 'short'][i]!))))
    expect(done).toEqual(['short', 'long', 'long'])
  })

  test('stop at the next yield after an abort, and run their finally blocks', async () => {
    const controller = new AbortController()
    let cleaned = false
    function* endless(): Generator<void, never> {
      try {
        for (;;) yield
      } finally {
        cleaned = true
      }
    }
    const work = createWorkQueue()(endless(), controller.signal)
    setImmediate(() => controller.abort(new Error('gone')))
    await expect(work).rejects.toThrow('gone')
    expect(cleaned).toBe(true)
  })
})

describe('at 10,000 keys other callbacks run before the answer is complete', () => {
  const tracker = trackerOfThousands()
  afterAll(() => tracker.close())

  test.each<[string, () => Promise<unknown>]>([
    ['to trends', () => tracker.getTrends()],
    ['to calibration by key', () => tracker.getCalibration({ groupBy: 'key' })],
    ['to calibration by agent', () => tracker.getCalibration()],
    ['to costs', () => tracker.getCosts()],
    ['to an experiment', () => tracker.getExperiment('prompt', { adaptive: true })],
    ['to a fair comparison', () => tracker.getFairComparison('agent_and_model')],
    ['to a route with a half-life', () => tracker.getRoute('issue-0', { halfLifeMs: 3_600_000 })],
  ])('%s', async (_, ask) => {
    const others = Promise.race([
      new Promise(resolve => setImmediate(() => resolve('others'))),
      ask().then(() => 'the answer'),
    ])
    expect(await others).toBe('others')
  })
})

test('work without a yield completes in the same iteration of the event loop', async () => {
  let turned = false
  setImmediate(() => {
    turned = true
  })
  expect(await createWorkQueue()(forEachKey([], () => undefined))).toBeUndefined()
  expect(turned).toBe(false)
})

test('a loop that only awaits resolved promises still yields to the event loop', async () => {
  let turned = false
  setImmediate(() => {
    turned = true
  })
  const yieldToEventLoop = createEventLoopYield()
  for (let i = 0; i < 1e7 && !turned; i++) await yieldToEventLoop()
  expect(turned).toBe(true)
})
