import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFileLog } from '../../../src/store/file/file-store.ts'
import { describeLog } from '../log-conformance.ts'
import { NOW, newTally } from './fixtures.ts'

describeLog('the file log', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'file-log-'))
  const path = join(directory, 'agent_performance.json')
  return {
    open: async () => (await openFileLog({ path, tally: newTally(), clock: () => NOW })).log,
    isShared: false,
    remove: () => rm(directory, { recursive: true }),
  }
})
