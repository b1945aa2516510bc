/** Export and import: an empty store that imports what another exported gives the same answer to every question. */
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseTimestamp } from '../../src/core/attempt/timestamp.ts'
import { QUESTIONS } from '../../src/questions/questions.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { runCommand } from './run-command.ts'

const MINUTE_MS = 60_000
const DAY_MS = 1440 * MINUTE_MS

/** An attempt that was received `age` minutes ago, and is `late` minutes older than that. */
const received = fc.record({
  agent_name: fc.constantFrom('a', 'b'),
  model_name: fc.constantFrom('m', 'range'),
  issue_type: fc.constantFrom('complexity', 'bug'),
  success: fc.boolean(),
  confidence: fc.constantFrom(undefined, null, 0.2, 0.9),
  time_seconds: fc.constantFrom(1, 2.5),
  cost_usd: fc.constantFrom(undefined, 0.25),
  attempt_id: fc.option(fc.uuid(), { nil: undefined }),
  variant: fc.constantFrom(undefined, 'x', 'y'),
  age: fc.integer({ min: 0, max: 9 * 1440 }),
  late: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(0, 0, 3) }, fc.integer({ min: 0, max: 10 * 1440 })),
})

/** Parameters beside those of the example. */
const MORE = [{}, { since: '1d' }, { since: '12d', until: '5h' }, { until: '3d', tz: 'Europe/Berlin' }]

async function answersOf(store: string, nowMs: number): Promise<Map<string, unknown>> {
  const tracker = new AgentPerformanceTracker({ store, clock: () => nowMs })
  const answers = new Map<string, unknown>()
  for (const { path, example, parameters } of QUESTIONS) {
    const given = {
      ...example,
      // Ids are derived for attempts that have none, so that those of both stores can be compared.
      ...(path === 'attempts' && { limit: 1000, with_ids: true }),
      ...('min_attempts' in parameters.shape && { min_attempts: 1 }),
    }
    for (const more of MORE)
      answers.set(`${path} ${JSON.stringify(more)}`, await tracker.ask(path, { ...given, ...more } as never))
  }
  await tracker.close()
  return answers
}

test('every question has the same answer after export and import, late and back-filled attempts included', async () => {
  await using folder = await temporaryFolder()
  let made = 0
  await fc.assert(
    fc.asyncProperty(fc.array(received, { minLength: 1, maxLength: 300, size: 'max' }), async list => {
      const nowMs = Date.now()
      const [original, copy] = [join(folder.path, `${++made}-original.json`), join(folder.path, `${made}-copy.json`)]
      let clockMs = nowMs
      const tracker = new AgentPerformanceTracker({ store: original, clock: () => clockMs })
      for (const { age, late, variant, ...attempt } of list.toSorted((a, b) => b.age - a.age)) {
        clockMs = nowMs - age * MINUTE_MS
        const arm = variant === undefined ? {} : { experiment: 'prompt', variant }
        const timestamp = new Date(clockMs - late * MINUTE_MS).toISOString()
        await tracker.recordAttempt({ ...attempt, ...arm, timestamp })
      }
      clockMs = nowMs
      await tracker.close()
      const { stdout } = await runCommand(['export', '--store', original])
      expect((await runCommand(['import', '-', '--store', copy], { stdin: stdout })).exitCode).toBe(0)
      const [before, after] = [await answersOf(original, nowMs), await answersOf(copy, nowMs)]
      for (const [question, answer] of before) expect([question, after.get(question)]).toEqual([question, answer])
    }),
    { numRuns: 6, endOnFailure: true },
  )
})

test('an export holds attempts in the order they were received, oldest first', async () => {
  await using folder = await temporaryFolder()
  const store = join(folder.path, 'store.json')
  const times = [3, 1, 2, 20, 0].map(minutes => new Date(Date.now() - DAY_MS - minutes * MINUTE_MS).toISOString())
  const tracker = new AgentPerformanceTracker({ store })
  for (const timestamp of times)
    await tracker.recordAttempt({
      agent_name: 'a',
      model_name: 'm',
      issue_type: 'i',
      success: true,
      time_seconds: 1,
      timestamp,
    })
  await tracker.close()
  const { stdout } = await runCommand(['export', '--store', store])
  const exported = stdout.trimEnd().split('\n')
  expect(exported.map(line => (JSON.parse(line) as { timestamp: string }).timestamp)).toEqual(times)
  expect(exported.every(line => parseTimestamp(JSON.parse(line).timestamp) !== undefined)).toBe(true)
})
