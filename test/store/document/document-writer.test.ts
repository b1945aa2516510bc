/** The documented file of a store whose log is no file. */
import { createHash } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { printDocument } from '../../../src/core/aggregate/metrics.ts'
import { runToCompletion } from '../../../src/core/steps.ts'
import { adoptDocument } from '../../../src/store/document/adopt.ts'
import { readContent } from '../../../src/store/document/content.ts'
import { inspectDocument } from '../../../src/store/document/document.ts'
import { createDocumentWriter } from '../../../src/store/document/document-writer.ts'
import type { Engine } from '../../../src/store/engine/engine.ts'
import { noWrites } from '../../../src/store/engine/snapshots.ts'
import { attempt, NOW, openOn, SILENT } from '../engine/engines.ts'
import { createFakeFileSystem, type FakeFileSystem } from '../file/fake-file-system.ts'
import { createMemoryServer } from '../memory-log.ts'

const PATH = '/data/copy.json'

async function createDisk(): Promise<FakeFileSystem> {
  const fileSystem = createFakeFileSystem()
  await fileSystem.makeDirectory('/data')
  return fileSystem
}

function writeTo(fileSystem: FakeFileSystem, engine: Engine) {
  const temporary = '/data/copy.temporary'
  const clock = (): number => NOW
  const counters = noWrites()
  return createDocumentWriter({
    engine,
    path: PATH,
    staged: `${PATH}.new`,
    temporary,
    fileSystem,
    clock,
    log: SILENT,
    counters,
  })
}

const metricsIn = (text: string) => JSON.parse(text).metrics

/** The metrics as a whole new document states them. */
const expectedOf = (engine: Engine) => metricsIn([...printDocument(engine.state.tally.keys(), '')].join(''))

test('it is written on request and after every change, of the groups of other writers too, and when the store is closed', async () => {
  const server = createMemoryServer()
  const fileSystem = await createDisk()
  const engines = [await openOn(server.open()), await openOn(server.open())] as const
  const documents = writeTo(fileSystem, engines[0])
  await engines[1].append([attempt(1, { agent_name: 'other' })])
  await engines[0].follow()
  documents.request()
  await documents.flush()
  expect(metricsIn(fileSystem.contentOf(PATH)!.toString())).toEqual(expectedOf(engines[0]))
  await engines[0].append([attempt(2), attempt(3)])
  await vi.waitUntil(() => fileSystem.contentOf(PATH)!.includes('"total_attempts":2'), { timeout: 20_000, interval: 1 })
  await engines[1].append([attempt(4)])
  await engines[0].follow()
  for (const engine of engines) await engine.close()
  expect(metricsIn(fileSystem.contentOf(PATH)!.toString())).toEqual(expectedOf(engines[1]))
  expect(expectedOf(engines[1])['other:llama3:8b:security'].total_attempts).toBe(1)
})

test('it states the position of the log that it covers, with a valid checksum', async () => {
  const fileSystem = await createDisk()
  const engine = await openOn(createMemoryServer().open())
  writeTo(fileSystem, engine)
  await engine.append([attempt(1)])
  const { position } = engine
  await engine.close()
  const readPlace = ({ position }: { readonly position?: unknown }): unknown => position
  expect(await inspectDocument(fileSystem, PATH, { readPlace })).toMatchObject({ kind: 'ours', position })
  fileSystem.plant(PATH, fileSystem.contentOf(PATH)!.toString().replace('security', 'insecure'))
  expect((await inspectDocument(fileSystem, PATH, { readPlace })).kind).toBe('foreign')
})

test('another log can begin with it, and answers the same metrics', async () => {
  const fileSystem = await createDisk()
  const engine = await openOn(createMemoryServer().open())
  writeTo(fileSystem, engine)
  await engine.append(Array.from({ length: 130 }, (_, i) => attempt(i, { time_seconds: i / 7, confidence: i / 130 })))
  const expected = expectedOf(engine)
  await engine.close()
  const text = fileSystem.contentOf(PATH)!.toString()
  const content = runToCompletion(readContent({ ...JSON.parse(text), checksum: 0, digest: '' }))
  const log = createMemoryServer().open()
  const other = await openOn(log)
  const digest = createHash('sha256').update(text).digest('hex')
  await other.between(() => adoptDocument({ log, content, digest, clock: () => NOW }))
  await other.follow()
  expect(expectedOf(other)).toEqual(expected)
  await other.close()
})
