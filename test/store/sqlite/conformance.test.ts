/** A SQLite store, alone and as two sidecars on one file. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import { openStore } from '../../../src/store/open.ts'
import { describeStore } from '../conformance.ts'

describeStore('the SQLite store', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sqlite-store-'))
  const target = `sqlite:${join(directory, 'attempts.db')}`
  return {
    open: clock =>
      openStore(target, {
        clock,
        ids: { limit: 1000, keepMs: 86_400_000 },
        tally: createTally({ maxKeys: 1000, maxArms: 100, tiers: DEFAULT_TIERS }),
      }),
    remove: () => rm(directory, { recursive: true }),
  }
})
