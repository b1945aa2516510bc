/** Engines that share a log give the same answers, to the last bit, after any operations and faults. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SeriesPoint } from '../../../src/core/aggregate/series.ts'
import type { AgentAttempt } from '../../../src/core/attempt/attempt.ts'
import type { Engine } from '../../../src/store/engine/engine.ts'
import { createMemoryServer } from '../memory-log.ts'
import { answersOf, countedIn, NOW, openOn } from './engines.ts'

const names = fc.constantFrom('a', 'b', 'a:b', '__proto__')
const someAttempt = fc
  .record(
    {
      agent_name: names,
      model_name: names,
      issue_type: fc.constant('bug'),
      success: fc.boolean(),
      time_seconds: fc.double({ min: 0, max: 1e9, noNaN: true }),
      confidence: fc.double({ min: 0, max: 1, noNaN: true }),
      attempt_id: fc.integer({ min: 0, max: 12 }).map(String),
      experiment: fc.constant('prompt'),
      variant: fc.constantFrom('p', 'q', 'r'),
      minutesAgo: fc.integer({ min: 0, max: 3000 }),
    },
    { requiredKeys: ['agent_name', 'model_name', 'issue_type', 'success', 'time_seconds', 'minutesAgo'] },
  )
  .map(
    ({ minutesAgo, ...more }): AgentAttempt => ({
      ...more,
      timestamp: new Date(NOW - minutesAgo * 60_000).toISOString(),
    }),
  )

const somePoint = fc.record({ series: fc.constantFrom('s', 't', 'u'), value: fc.nat(20), minute: fc.nat(50) }).map(
  ({ series, value, minute }): SeriesPoint => ({
    series,
    key: { agent_name: 'a', model_name: 'b', issue_type: 'bug' },
    measure: { metric: 'attempts', of: 'success' },
    startMs: NOW - 3_600_000,
    timeMs: NOW - 3_600_000 + minute * 60_000,
    cumulative: true,
    values: [value],
  }),
)

const who = fc.nat(1)
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ who, attempts: fc.array(someAttempt, { minLength: 1, maxLength: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ who, points: fc.array(somePoint, { minLength: 1, maxLength: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ who, ask: fc.constant(true) }) },
  { weight: 2, arbitrary: fc.record({ who, snapshot: fc.constant(true) }) },
  { weight: 2, arbitrary: fc.record({ who, restart: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ who, reset: fc.constant(true) }) },
  { weight: 2, arbitrary: fc.constantFrom('lose the answer' as const, 'lose the request' as const, 'hide' as const) },
)

test('appends, points, resets, questions, snapshots, restarts and lost answers, in any order and at the same time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async steps => {
      const server = createMemoryServer({ limits: { maxKeys: 4, maxArms: 2, idWindow: 8 }, expires: true })
      const engines: Engine[] = [await openOn(server.open()), await openOn(server.open())]
      let calls: Promise<unknown>[] = []
      let accepted = 0
      for (const one of steps) {
        if (one === 'hide') {
          server.hidden = 1
          setTimeout(() => {
            server.hidden = 0
          }, 3)
        } else if (typeof one === 'string') {
          server.fault = () => {
            server.fault = undefined
            return one
          }
        } else if ('restart' in one) {
          await Promise.all(calls)
          calls = []
          await engines[one.who]!.close()
          engines[one.who] = await openOn(server.open())
        } else if ('reset' in one) {
          await Promise.all(calls)
          calls = []
          await whenTaken(() => engines[one.who]!.reset())
          accepted = 0
        } else if ('attempts' in one) {
          calls.push(
            whenTaken(() => engines[one.who]!.append(one.attempts)).then(answer => {
              accepted += answer.accepted
            }),
          )
        } else if ('points' in one) {
          calls.push(
            whenTaken(() => engines[one.who]!.appendPoints(one.points)).then(answer => {
              accepted += answer.attempts
            }),
          )
        } else if ('ask' in one) await answersOf(engines[one.who]!)
        else engines[one.who]!.requestSnapshot()
      }
      await Promise.all(calls)
      server.hidden = 0
      engines.push(await openOn(server.open()))
      const answers: string[] = []
      for (const engine of engines) {
        await engine.follow()
        answers.push(await answersOf(engine))
      }
      expect(new Set(answers).size).toBe(1)
      expect(await countedIn(engines[0]!)).toBe(accepted)
      for (const engine of engines) await engine.close()
    }),
    { numRuns: 100 },
  )
})

/** Tries again while the store is unavailable, as a client does. */
async function whenTaken<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'StoreUnavailable') throw error
      await new Promise(resolve => setTimeout(resolve, 1))
    }
  }
}
