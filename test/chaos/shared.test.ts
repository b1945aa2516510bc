/**
 * Kills sidecars that share a store, and its server. One store only, because each start of a sidecar takes seconds of CPU:
 * `npm run test:chaos -- --store redis` and `--store sqlite` are the others.
 */
import { expect, test } from 'vitest'
import { createRandom } from '../../src/core/statistics/random.ts'
import { describeShared, MIN_ACKNOWLEDGED, runShared } from './shared-runs.ts'
import { SHARED_STORES } from './shared-servers.ts'

test('three sidecars on PostgreSQL, killed under load with their server, lose nothing, count nothing twice and answer alike', {
  timeout: 240_000,
}, async context => {
  const missing = SHARED_STORES.postgres.missing()
  if (missing !== undefined) context.skip(missing)
  const seed = process.env.CHAOS_SEED ?? String(Date.now())
  const random = createRandom(seed)
  const outcome = await runShared({ store: 'postgres', seconds: 2, sidecarKills: 2, serverKills: 1, random })
  process.stdout.write(`CHAOS_SEED=${seed}: ${describeShared(outcome)}\n`)
  expect(outcome, `CHAOS_SEED=${seed}`).toMatchObject({ lost: 0, double: 0, wrong: 0, faults: [] })
  expect(outcome.counts.kept).toBeGreaterThanOrEqual(MIN_ACKNOWLEDGED)
})
