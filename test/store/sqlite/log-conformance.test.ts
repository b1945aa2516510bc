import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../../../src/core/log.ts'
import { openSqliteLog } from '../../../src/store/sqlite/sqlite-log.ts'
import { NOW } from '../engine/engines.ts'
import { describeLog } from '../log-conformance.ts'

const LIMITS = { maxKeys: 1000, maxArms: 100, idWindow: 1000, idWindowAgeMs: 86_400_000 }
const RETENTION = { maxAgeMs: 90 * 86_400_000, maxBytes: 1024 ** 3 }

describeLog('the SQLite log', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sqlite-log-'))
  const path = join(directory, 'attempts.db')
  const open = (retention: typeof RETENTION): Promise<Log> =>
    openSqliteLog({ path, clock: () => NOW, limits: LIMITS, retention, pollMs: 5 })
  return {
    open: () => open(RETENTION),
    openSmall: () => open({ ...RETENTION, maxBytes: 1 }),
    isShared: true,
    remove: () => rm(directory, { recursive: true }),
  }
})
