/** A document becomes the beginning of a log: exactly once, also if several processes adopt it, or one stops in the middle. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { agentMetrics } from '../../../src/core/aggregate/metrics.ts'
import { runToCompletion } from '../../../src/core/steps.ts'
import { adoptDocument } from '../../../src/store/document/adopt.ts'
import { readContent } from '../../../src/store/document/content.ts'
import type { Engine } from '../../../src/store/engine/engine.ts'
import { answersOf, attempt, countedIn, NOW, openOn } from '../engine/engines.ts'
import { createMemoryServer, type MemoryServer } from '../memory-log.ts'

interface Entry {
  readonly agent_name: string
  readonly model_name: string
  readonly issue_type: string
  readonly total_attempts: number
  readonly successful_fixes: number
  readonly failed_fixes: number
  readonly avg_confidence: number
  readonly avg_time_seconds: number
  readonly recent_results: readonly object[]
}

/** An entry of `total` attempts, of which the last are listed. Its averages are those of the running sums, rounded to three decimals. */
function entry(agent_name: string, total: number, listed = Math.min(total, 100)): Entry {
  const key = { agent_name, model_name: 'm', issue_type: 'bug' }
  const all = Array.from({ length: total }, (_, i) => ({
    timestamp: `2026-02-01T10:00:${String(i % 60).padStart(2, '0')}`,
    ...key,
    success: i % 3 !== 0,
    confidence: (i % 11) / 10,
    time_seconds: (i % 7) + 0.25,
  }))
  const mean = (values: readonly number[]): number =>
    Math.round((values.reduce((sum, one) => sum + one, 0) / total) * 1000) / 1000
  const successful = all.filter(({ success }) => success).length
  return {
    ...key,
    total_attempts: total,
    successful_fixes: successful,
    failed_fixes: total - successful,
    avg_confidence: mean(all.map(one => one.confidence)),
    avg_time_seconds: mean(all.map(one => one.time_seconds)),
    recent_results: all.slice(total - listed),
  }
}

const ENTRIES = [entry('few', 5), entry('many', 250), entry('older', 40, 0), entry('some', 30)]
/** Small groups, so that there are several. */
const GROUP_BYTES = 3000

const parsedOf = (entries: readonly Entry[]) => {
  const metrics = Object.fromEntries(entries.map(one => [`${one.agent_name}:m:bug`, one]))
  return { metrics, checksum: 0, digest: createHash('sha256').update(JSON.stringify(metrics)).digest('hex') }
}

let server: MemoryServer
const opened: Engine[] = []

beforeEach(() => {
  server = createMemoryServer()
})
afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close()
})

/** Opens the log, adopts the document there, and folds it. */
async function openAndAdopt(entries = ENTRIES): Promise<{ engine: Engine; isAdopted: boolean }> {
  const log = server.open()
  const engine = await openOn(log)
  opened.push(engine)
  const parsed = parsedOf(entries)
  const content = runToCompletion(readContent(parsed))
  const options = { log, content, digest: parsed.digest, clock: () => NOW, groupBytes: GROUP_BYTES }
  const isAdopted = await engine.between(() => adoptDocument(options))
  await engine.follow()
  return { engine, isAdopted }
}

const metricsOf = async (engine: Engine) => (await engine.summaries()).map(one => agentMetrics(one))

test('every number and listed attempt is answered as the document states it, also by a replay', async () => {
  const { engine } = await openAndAdopt()
  expect(await metricsOf(engine)).toEqual(ENTRIES)
  expect((await engine.attempts({ limit: 1000 })).attempts).toHaveLength(135)
  expect(server.snapshots).toEqual([])
  const replayed = await openOn(server.open())
  opened.push(replayed)
  expect(await answersOf(replayed)).toBe(await answersOf(engine))
})

test.each(['lose the request', 'lose the answer'] as const)(
  'an adoption that breaks off at any group, because the log should %s, is finished by the next start',
  async fault => {
    await openAndAdopt()
    const groups = server.groups.length
    expect(groups).toBeGreaterThan(3)
    for (let failing = 1; failing <= groups; failing++) {
      server = createMemoryServer()
      server.fault = (_, { number }) => (number === failing ? fault : undefined)
      await expect(openAndAdopt()).rejects.toThrow('the connection was lost')
      server.fault = undefined
      const { engine, isAdopted } = await openAndAdopt()
      expect(isAdopted).toBe(true)
      expect(await metricsOf(engine)).toEqual(ENTRIES)
      expect(server.groups).toHaveLength(groups)
    }
  },
)

test('two that adopt the same document at once append it once, and attempts may come in between', async () => {
  const alone = createMemoryServer()
  ;[server] = [alone]
  await openAndAdopt()
  server = createMemoryServer()
  const first = openAndAdopt()
  const second = openAndAdopt()
  const third = openOn(server.open()).then(async engine => {
    opened.push(engine)
    while (server.groups.length === 0) await new Promise(resolve => setImmediate(resolve))
    await engine.append([attempt(1)])
    return engine
  })
  const engines = [(await first).engine, (await second).engine, await third]
  expect([(await first).isAdopted, (await second).isAdopted]).toEqual([true, true])
  expect(server.groups).toHaveLength(alone.groups.length + 1)
  const answers = []
  for (const engine of engines) {
    await engine.follow()
    answers.push(await answersOf(engine))
  }
  expect(new Set(answers).size).toBe(1)
  expect(await countedIn(engines[0]!)).toBe(326)
})

test('a log that has begun otherwise takes nothing of a document', async () => {
  const engine = await openOn(server.open())
  opened.push(engine)
  await engine.append([attempt(1)])
  const { isAdopted } = await openAndAdopt()
  expect(isAdopted).toBe(false)
  expect(server.groups).toHaveLength(1)
  expect(await countedIn(engine)).toBe(1)
})

test('a document that was changed after its adoption began is not mixed with it', async () => {
  server.fault = (_, { number }) => (number === 2 ? 'lose the request' : undefined)
  await expect(openAndAdopt()).rejects.toThrow()
  server.fault = undefined
  expect((await openAndAdopt([entry('other', 3)])).isAdopted).toBe(false)
})

test('what senders had counted before it is not counted again, and known series go on', async () => {
  const point = (value: number, series: string, startMs: number) => ({
    series,
    key: { agent_name: 'sender', model_name: 'm', issue_type: 'bug' },
    measure: { metric: 'attempts', of: 'success' } as const,
    startMs,
    timeMs: NOW + value,
    cumulative: true,
    values: [value],
  })
  const { engine } = await openAndAdopt()
  expect(await engine.appendPoints([point(10, 'old', NOW - 1000)])).toMatchObject({ attempts: 0 })
  expect(await engine.appendPoints([point(12, 'old', NOW - 1000)])).toMatchObject({ attempts: 2 })
  expect(await engine.appendPoints([point(7, 'new', NOW + 1)])).toMatchObject({ attempts: 7 })
})

test('the list of a key keeps the order of the document, whatever times it states', async () => {
  const given = entry('few', 5)
  const entries = [{ ...given, recent_results: given.recent_results.toReversed() }]
  expect(await metricsOf((await openAndAdopt(entries)).engine)).toEqual(entries)
})
