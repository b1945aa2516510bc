/** An engine that cannot be opened leaves nothing behind: a service that tries again would otherwise collect timers. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { encodeOne } from '../../../src/store/engine/call.ts'
import { RECORD_VERSION } from '../../../src/store/record-json.ts'
import { createMemoryServer } from '../memory-log.ts'
import { attempt, NOW, openOn } from './engines.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('an opening that fails after a part of the log was folded leaves no timer', async () => {
  const server = createMemoryServer()
  const first = await openOn(server.open())
  await first.append([attempt(1)])
  await first.close()
  const log = server.open()
  const newer = encodeOne(
    log.frame({ nowMs: NOW, idMs: NOW }),
    JSON.stringify({ record_version: RECORD_VERSION + 1, rating: 5 }),
  )
  await log.append({ number: 1, attempts: 0, records: newer, isReset: false })
  expect(vi.getTimerCount()).toBe(0)
  await expect(openOn(server.open(), { times: { expireMs: 3_600_000 } })).rejects.toMatchObject({ name: 'NewerRecord' })
  expect(vi.getTimerCount()).toBe(0)
})

test('an open engine deletes expired groups by a timer, which close ends', async () => {
  const engine = await openOn(createMemoryServer().open(), { times: { expireMs: 3_600_000 } })
  expect(vi.getTimerCount()).toBe(1)
  await engine.close()
  expect(vi.getTimerCount()).toBe(0)
})
