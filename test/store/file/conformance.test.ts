import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFileStore } from '../../../src/store/file/file-store.ts'
import { describeStore } from '../conformance.ts'
import { createFakeFileSystem } from './fake-file-system.ts'
import { newTally, openFake } from './fixtures.ts'

const ids = { limit: 1000, keepMs: 86_400_000 }

describeStore('the file store', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'file-store-'))
  const path = join(directory, 'agent_performance.json')
  return {
    open: clock => openFileStore({ path, tally: newTally(), clock, ids }),
    remove: () => rm(directory, { recursive: true }),
  }
})

describeStore('the file store on the disk that the crash tests use', async () => {
  const { disk } = createFakeFileSystem()
  return {
    open: clock => openFake(createFakeFileSystem(disk), { clock }),
    remove: async () => {},
  }
})
