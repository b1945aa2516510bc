/** A sidecar that is killed again and again: what it acknowledged is counted exactly once. The long run is `npm run test:chaos`. */
import { expect, test } from 'vitest'
import { createRandom } from '../../src/core/statistics/random.ts'
import { describeOutcome, livesOf, momentsFor } from './lives.ts'

const KILLS = 20

test('killed 20 times under load, at its starts, stops, segments, snapshots and documents, it loses nothing and counts nothing twice', async () => {
  const seed = process.env.CHAOS_SEED ?? String(Date.now())
  const random = createRandom(seed)
  const outcome = await livesOf(momentsFor(KILLS, random), random)
  process.stdout.write(`CHAOS_SEED=${seed}: ${describeOutcome(outcome)}\n`)
  expect(outcome, `CHAOS_SEED=${seed}`).toMatchObject({ lost: 0, double: 0, wrong: 0, faults: [] })
  expect(outcome.acknowledged).toBeGreaterThan(1000)
  // Most kills land where they were meant to.
  expect([...outcome.hits.values()].reduce((sum, hits) => sum + hits, 0)).toBeGreaterThan(KILLS / 2)
}, 240_000)
