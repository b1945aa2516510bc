/** Kills sidecars that share a store, and its server. `npm run test:chaos -- --store postgres` is the long version. */
import { expect, test } from 'vitest'
import { createRandom } from '../../src/core/statistics/random.ts'
import { describeShared, MIN_ACKNOWLEDGED, runShared } from './shared-runs.ts'
import { SHARED_STORES, type SharedStoreName } from './shared-servers.ts'

test.for(Object.keys(SHARED_STORES) as SharedStoreName[])(
  'three sidecars on %s, killed under load with their server, lose nothing, count nothing twice and answer alike',
  { timeout: 120_000 },
  async (store, context) => {
    const missing = SHARED_STORES[store].missing()
    if (missing !== undefined) context.skip(missing)
    const seed = process.env.CHAOS_SEED ?? String(Date.now())
    const outcome = await runShared({ store, seconds: 3, sidecarKills: 4, serverKills: 1, random: createRandom(seed) })
    process.stdout.write(`CHAOS_SEED=${seed}: ${store}: ${describeShared(outcome)}\n`)
    expect(outcome, `CHAOS_SEED=${seed}`).toMatchObject({ lost: 0, double: 0, wrong: 0, faults: [] })
    expect(outcome.counts.kept).toBeGreaterThanOrEqual(MIN_ACKNOWLEDGED)
  },
)
