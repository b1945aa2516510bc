import { describeLog } from './log-conformance.ts'
import { createMemoryServer } from './memory-log.ts'

describeLog('the memory log', async () => {
  const server = createMemoryServer()
  return { open: async () => server.open(), isShared: true, remove: async () => {} }
})
