/**
 * Real attempts that are imported as an agent reported them, and verified in random order, have the answers of a fresh import of the final facts.
 * The data is not part of the project: without it, the test is skipped. VERIFIED_STORES names further stores, separated by spaces.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keyId, type NewAttempt } from '../../src/core/attempt/attempt.ts'
import { createRandom } from '../../src/core/statistics/random.ts'
import { QUESTIONS } from '../../src/questions/questions.ts'
import { openStore } from '../../src/store/open.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { REAL } from './workload.ts'

const MORE = (process.env.VERIFIED_STORES ?? '').split(' ').filter(name => name !== '')

/** The attempts end within the last weeks, so that every range of a question has some. */
function realAttempts(nowMs: number): NewAttempt[] {
  const lines = readFileSync(REAL, 'utf8').trim().split('\n')
  return lines.map((line, i) => ({
    ...(JSON.parse(line) as NewAttempt),
    timestamp: new Date(nowMs - (lines.length - i) * 600_000).toISOString(),
  }))
}

async function trackerOf(target: string, nowMs: number): Promise<AgentPerformanceTracker> {
  const store = await openStore(target, { clock: () => nowMs, retention: { maxAgeMs: Infinity, maxBytes: Infinity } })
  return new AgentPerformanceTracker({ store, clock: () => nowMs })
}

/** Pending attempts enter the recent ones when they are decided, so that only their order differs. */
function comparable(name: string, value: unknown): unknown {
  if (name === 'outcomes') return undefined
  if (name !== 'recent_results') return value
  return (value as { readonly timestamp: string }[]).toSorted((a, b) => (a.timestamp < b.timestamp ? -1 : 1))
}

/** The answers to every question, without what says how many results are verified. */
async function answersOf(tracker: AgentPerformanceTracker): Promise<Record<string, string>> {
  const answers: Record<string, string> = {}
  for (const { path, example, parameters } of QUESTIONS) {
    if (path === 'attempts' || (path as string) === 'honesty') continue
    const given = { ...example, ...('min_attempts' in parameters.shape && { min_attempts: 1 }) }
    for (const more of [{}, { since: '10d' }])
      answers[`${path} ${JSON.stringify(more)}`] = JSON.stringify(
        await tracker.ask(path, { ...given, ...more } as never),
        comparable,
      )
  }
  return answers
}

test.skipIf(!existsSync(REAL)).each(['file', 'sqlite', ...MORE])(
  'attempts verified later in random order in a %s store are answered as their final facts',
  async kind => {
    await using folder = await temporaryFolder()
    const nowMs = Date.parse('2026-03-01T12:00:00Z')
    const facts = realAttempts(nowMs)
    const random = createRandom('verified later')
    // Answers list keys in the order in which they were first counted, so that the first attempt of a key is not pending here.
    const keys = new Set<string>()
    const reported = facts.map(({ success, ...attempt }): NewAttempt => {
      const isFirst = !keys.has(keyId(attempt))
      keys.add(keyId(attempt))
      const draw = random()
      return draw < 0.1 && !isFirst ? attempt : { ...attempt, success: draw < 0.3 ? !success : success! }
    })
    const outcomes = facts
      .map(({ attempt_id, success }) => ({ attempt_id: attempt_id!, success: success!, source: 'ci', draw: random() }))
      .sort((a, b) => a.draw - b.draw)
      .map(({ draw: _, ...outcome }) => outcome)
    const target =
      kind === 'file' ? join(folder.path, 'a.json') : kind === 'sqlite' ? `sqlite:${folder.path}/a.db` : kind
    const tracker = await trackerOf(target, nowMs)
    expect(await tracker.recordAttempts(reported)).toMatchObject({ accepted: facts.length })
    for (let from = 0; from < outcomes.length; from += 500)
      expect(await tracker.recordOutcomes(outcomes.slice(from, from + 500))).toMatchObject({
        duplicates: 0,
        unknown: [],
      })
    const fresh = await trackerOf(join(folder.path, 'fresh.json'), nowMs)
    await fresh.recordAttempts(facts)
    const expected = await answersOf(fresh)
    expect(await answersOf(tracker)).toEqual(expected)
    await tracker.close()
    // And after a restart, from the snapshot or the log.
    const again = await trackerOf(target, nowMs)
    expect(await answersOf(again)).toEqual(expected)
    await Promise.all([again.close(), fresh.close()])
  },
)
