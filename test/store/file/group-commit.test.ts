/** Two consecutive groups of attempts. Each keeps its promise, whether the other one succeeds or fails. */
import { expect, test } from 'vitest'
import type { FileStore } from '../../../src/store/file/file-store.ts'
import { createFakeFileSystem, type Fault } from './fake-file-system.ts'
import { attempt, countedIn, idsIn, openFake } from './fixtures.ts'

/** Sends attempt 1 and, during its write, attempt 2. Resolves with the order of writes and answers. The second write gets `fault`. */
async function sendTwo(fault?: Fault): Promise<{ readonly store: FileStore; readonly events: readonly string[] }> {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  const events: string[] = []
  const sendOne = (id: number): Promise<unknown> =>
    store.append([attempt(id)]).then(
      () => events.push(`answered ${id}`),
      () => events.push(`refused ${id}`),
    )
  let second: Promise<unknown> | undefined
  fileSystem.fault = ({ name, path }) => {
    if (name !== 'write' || !path.endsWith('.ndjson')) return undefined
    events.push('write')
    if (second !== undefined) return fault
    second = sendOne(2)
    return undefined
  }
  await sendOne(1)
  await second
  fileSystem.fault = undefined
  return { store, events }
}

test('the next group is written before the previous one is answered', async () => {
  const { store, events } = await sendTwo()
  expect(events).toEqual(['write', 'write', 'answered 1', 'answered 2'])
  await store.close()
})

test('a durable group counts and is answered although the next one fails', async () => {
  const { store, events } = await sendTwo({ kind: 'error', code: 'EIO', done: 'nothing' })
  expect(events).toEqual(['write', 'write', 'answered 1', 'refused 2'])
  expect(await countedIn(store)).toBe(1)
  expect(await idsIn(store)).toEqual(['id 1'])
  await store.close()
})
