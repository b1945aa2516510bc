/** Kills a sidecar repeatedly: acknowledged attempts are counted exactly once. `npm run test:chaos` is the long version. */
import { expect, test } from 'vitest'
import { createRandom } from '../../src/core/statistics/random.ts'
import { describeOutcome, killPointsFor, runKills } from './kill-runs.ts'

const KILLS = 20

test('killed 20 times under load, at starts, stops and file changes, the sidecar loses nothing and counts nothing twice', async () => {
  const seed = process.env.CHAOS_SEED ?? String(Date.now())
  const random = createRandom(seed)
  const outcome = await runKills(killPointsFor(KILLS, random), random)
  process.stdout.write(`CHAOS_SEED=${seed}: ${describeOutcome(outcome)}\n`)
  expect(outcome, `CHAOS_SEED=${seed}`).toMatchObject({ lost: 0, double: 0, wrong: 0, faults: [] })
  expect(outcome.acknowledged).toBeGreaterThan(1000)
  // Most kills hit their kill point. Otherwise the test would not cover them.
  expect([...outcome.hits.values()].reduce((sum, hits) => sum + hits, 0)).toBeGreaterThan(KILLS / 2)
}, 360_000)
