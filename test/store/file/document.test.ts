/** The documented file, as a reader of it sees it. */
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { printDocument } from '../../../src/core/aggregate/metrics.ts'
import type { FileStore } from '../../../src/store/file/file-store.ts'
import { afterPowerLoss } from './fake-disk.ts'
import { createFakeFileSystem, type FakeFileSystem } from './fake-file-system.ts'
import { attempt, NOW, newTally, openFake, PATH } from './fixtures.ts'

const ENTRY_FIELDS = [
  'agent_name',
  'model_name',
  'issue_type',
  'total_attempts',
  'successful_fixes',
  'failed_fixes',
  'avg_confidence',
  'avg_time_seconds',
  'recent_results',
]
const RECENT_FIELDS = ['timestamp', 'agent_name', 'model_name', 'issue_type', 'success', 'confidence', 'time_seconds']

type Entry = Record<string, unknown> & { recent_results: Record<string, unknown>[] }

/** The origin's reader: it makes a record of each entry's fields as they are, and drops an entry with any other. */
function readAsOrigin(text: string): Map<string, Entry> {
  const document = JSON.parse(text)
  const entries = new Map<string, Entry>()
  for (const [key, entry] of Object.entries<Entry>(document.metrics)) {
    expect(Object.keys(entry).sort()).toEqual([...ENTRY_FIELDS].sort())
    for (const recent of entry.recent_results) expect(Object.keys(recent).sort()).toEqual([...RECENT_FIELDS].sort())
    entries.set(key, entry)
  }
  return entries
}

function textOf(fileSystem: FakeFileSystem): string {
  return fileSystem.contentOf(PATH)?.toString() ?? ''
}

async function written(store: FileStore, fileSystem: FakeFileSystem): Promise<string> {
  await store.close()
  return textOf(fileSystem)
}

test('every entry has exactly the nine documented fields, and every recent result exactly seven', async () => {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  const rich = { experiment: 'x', variant: 'a', cost_usd: 1, input_tokens: 5, error_type: 'timeout' }
  await store.append(Array.from({ length: 130 }, (_, i) => attempt(i, { ...rich, agent_name: 'one' })))
  await store.append([attempt(500, { confidence: undefined }), attempt(501, { confidence: null })])
  const entries = readAsOrigin(await written(store, fileSystem))
  expect(entries.get('one:llama3:8b:bug')).toMatchObject({
    total_attempts: 130,
    successful_fixes: 65,
    failed_fixes: 65,
    avg_confidence: 0.45,
    avg_time_seconds: 9.214,
  })
  expect(entries.get('one:llama3:8b:bug')!.recent_results).toHaveLength(100)
  expect(entries.get('agent 2:llama3:8b:bug')!.recent_results[0]).toMatchObject({ confidence: null })
})

test('after close it is durable, holds one key a line in the order they came, and says how much of the journal it covers', async () => {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  await store.append([attempt(2), attempt(1), attempt(3)])
  const text = await written(store, fileSystem)
  const keys = text.split('\n').flatMap(line => /^"(agent \d):/.exec(line)?.[1] ?? [])
  expect(keys).toEqual(['agent 2', 'agent 1', 'agent 0'])
  const { version, last_updated, journal } = JSON.parse(text)
  expect(version).toBe('1.0')
  expect(last_updated).toBe('2026-03-01T12:00:00.000Z')
  expect(createFakeFileSystem(afterPowerLoss(fileSystem.disk)).contentOf(PATH)?.toString()).toBe(text)
  const { length } = fileSystem.contentOf('/data/perf.journal/00000000000000000001.ndjson')!
  expect(journal).toMatchObject({ format: 1, segment: 1, offset: length })
})

test('keys that print alike stay apart', async () => {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  await store.append([
    attempt(1, { agent_name: 'a:b', model_name: 'c' }),
    attempt(2, { agent_name: 'a', model_name: 'b:c' }),
    attempt(3, { agent_name: '__proto__' }),
  ])
  const entries = readAsOrigin(await written(store, fileSystem))
  expect([...entries.keys()]).toEqual(['a:b:c:bug', 'a:b:c:bug#2', '__proto__:llama3:8b:bug'])
})

test('an attempt is in it at once when nothing else is going on', async () => {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  for (let id = 0; id < 3; id++) {
    await store.append([attempt(id, { agent_name: 'one' })])
    await vi.waitUntil(() => textOf(fileSystem).includes(`"total_attempts":${id + 1}`), {
      timeout: 30_000,
      interval: 1,
    })
  }
  await store.close()
})

test('while it is written it is always a whole one', async () => {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  let seen = 0
  fileSystem.fault = () => {
    const text = textOf(fileSystem)
    if (text !== '') {
      readAsOrigin(text)
      seen++
    }
    return undefined
  }
  for (let id = 0; id < 5; id++) {
    await store.append([attempt(id)])
    const { writes } = store.stats().document
    await vi.waitUntil(() => store.stats().document.writes > writes, { timeout: 30_000, interval: 1 })
  }
  await store.close()
  expect(seen).toBeGreaterThan(20)
})

/** Resolves when so many documents were written since the store was opened; the first one is that of the opening. */
const documents = (store: FileStore, count: number): Promise<unknown> =>
  vi.waitUntil(() => store.stats().document.writes >= count, { timeout: 50_000, interval: 1 })

/** The text before the part that states how much of the journal is covered. */
const withoutJournal = (text: string): string => text.slice(0, text.lastIndexOf('"journal"'))

test('after any changes, and for any names of keys, it equals a document that is written completely again', async () => {
  const names = fc.constantFrom('a', 'b', 'a:b', 'b:c', 'c', '🦊')
  const attempts = fc.array(
    fc
      .tuple(names, names)
      .map(([agent_name, model_name]) => attempt(1, { agent_name, model_name, attempt_id: undefined })),
    { minLength: 1, maxLength: 4 },
  )
  const steps = fc.array(fc.oneof({ weight: 9, arbitrary: attempts }, fc.constant('reset' as const)), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(steps, async steps => {
      const fileSystem = createFakeFileSystem()
      const tally = newTally()
      const store = await openFake(fileSystem, { tally })
      await documents(store, 1)
      for (const step of steps) {
        const { writes } = store.stats().document
        await (step === 'reset' ? store.reset() : store.append(step))
        await documents(store, writes + 1)
        const whole = [...printDocument(tally.keys(), new Date(NOW).toISOString())].join('')
        expect(withoutJournal(textOf(fileSystem))).toBe(`${whole.slice(0, -'}\n'.length)},\n`)
      }
      await store.close()
    }),
    { numRuns: 30 },
  )
  // Documents take a tenth of the time at most: a slow disk makes each wait for nine times as long.
}, 180_000)

test('only the keys that changed are printed again', async () => {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  await documents(store, 1)
  await store.append(Array.from({ length: 500 }, (_, i) => attempt(i, { agent_name: `agent ${i}` })))
  await documents(store, 2)
  const stringify = vi.spyOn(JSON, 'stringify')
  await store.append([attempt(1000, { agent_name: 'agent 7' })])
  await documents(store, 3)
  const printed = stringify.mock.calls.filter(([value]) => typeof value === 'object' && 'recent_results' in value)
  stringify.mockRestore()
  expect(printed).toHaveLength(1)
  expect(readAsOrigin(await written(store, fileSystem)).size).toBe(500)
})

test('where something else changed it meanwhile, nothing of that is taken over', async () => {
  const fileSystem = createFakeFileSystem()
  const warnings: string[] = []
  const log = { debug() {}, info() {}, error() {}, warn: (message: string) => warnings.push(message) }
  const store = await openFake(fileSystem, { log })
  await documents(store, 1)
  await store.append([attempt(0), attempt(1), attempt(2)])
  await documents(store, 2)
  const content = fileSystem.contentOf(PATH)!
  content.write('9', content.lastIndexOf('"total_attempts":1') + '"total_attempts":'.length)
  await store.append([attempt(3)])
  await documents(store, 3)
  const totals = [...readAsOrigin(textOf(fileSystem)).values()].map(entry => entry.total_attempts)
  expect(totals).toEqual([2, 1, 1])
  expect(warnings).toContain('another program changed the document: it is written again')
  await store.close()
})
