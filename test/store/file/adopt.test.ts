/** A document that the origin's program wrote is taken in as it is. */
import { expect, test } from 'vitest'
import { agentMetrics } from '../../../src/core/aggregate/metrics.ts'
import { totalAttempts } from '../../../src/core/aggregate/summary.ts'
import type { FileStore } from '../../../src/store/file/file-store.ts'
import { atEveryChange, createUnchecked, DONE, ENDINGS, repeatableBytes } from './endings.ts'
import { afterPowerLoss, type Disk } from './fake-disk.ts'
import { createFakeFileSystem, type FakeFileSystem } from './fake-file-system.ts'
import { attempt, countedIn, openFake, PATH } from './fixtures.ts'

interface Recent {
  timestamp: string
  agent_name: string
  model_name: string
  issue_type: string
  success: boolean
  confidence: number
  time_seconds: number
}

interface Entry {
  agent_name: string
  model_name: string
  issue_type: string
  total_attempts: number
  successful_fixes: number
  failed_fixes: number
  avg_confidence: number
  avg_time_seconds: number
  recent_results: Recent[]
}

/** An entry as the origin's running averages make it, of `total` attempts of which the last hundred are listed. */
function entry(agent_name: string, total: number): Entry {
  const key = { agent_name, model_name: 'claude:sonnet', issue_type: 'complexity' }
  const all = Array.from({ length: total }, (_, i): Recent => {
    const second = String(i % 60).padStart(2, '0')
    const minute = String(Math.floor(i / 60)).padStart(2, '0')
    return {
      timestamp: `2026-02-01T10:${minute}:${second}.${String(100000 + i)}`,
      ...key,
      success: i % 3 !== 0,
      confidence: (i % 11) / 10,
      time_seconds: (i % 7) + 0.25,
    }
  })
  const successful = all.filter(one => one.success).length
  const mean = (of: (one: Recent) => number): number =>
    total === 0 ? 0 : Math.round((all.reduce((sum, one) => sum + of(one), 0) / total) * 1000) / 1000
  return {
    ...key,
    total_attempts: total,
    successful_fixes: successful,
    failed_fixes: total - successful,
    avg_confidence: mean(one => one.confidence),
    avg_time_seconds: mean(one => one.time_seconds),
    recent_results: all.slice(-100),
  }
}

const ENTRIES = [entry('few', 5), entry('hundred', 100), entry('many', 250), entry('none', 0)]

async function diskWith(metrics: Record<string, unknown>): Promise<FakeFileSystem> {
  const fileSystem = createFakeFileSystem()
  await fileSystem.makeDirectory('/data')
  await fileSystem.syncDirectory('/')
  const document = { version: '1.0', last_updated: '2026-02-01T12:00:00.000001', metrics }
  fileSystem.plant(PATH, JSON.stringify(document, null, 2))
  return fileSystem
}

function named(entries: readonly Entry[]): Record<string, Entry> {
  return Object.fromEntries(entries.map(one => [`${one.agent_name}:${one.model_name}:${one.issue_type}`, one]))
}

async function metricsOf(store: FileStore): Promise<unknown[]> {
  return (await store.summaries()).map(one => agentMetrics(one))
}

test('every number and every listed attempt of it is answered as it was, also after a restart', async () => {
  const fileSystem = await diskWith(named(ENTRIES))
  const store = await openFake(fileSystem)
  expect(await metricsOf(store)).toEqual(ENTRIES)
  expect(await countedIn(store)).toBe(355)
  const listed = (await store.attempts({ limit: 1000 })).attempts
  expect(listed).toHaveLength(205)
  const times = listed.map(one => one.timestamp)
  expect(times).toEqual([...times].sort().reverse())
  const restarted = await openFake(createFakeFileSystem(afterPowerLoss(fileSystem.disk)))
  expect(await metricsOf(restarted)).toEqual(ENTRIES)
  await restarted.close()
  const document = JSON.parse(fileSystem.contentOf(PATH)!.toString())
  expect(document.metrics).toEqual(named(ENTRIES))
})

test('averages over attempts that are all listed are exact', async () => {
  const fileSystem = await diskWith(named([entry('few', 7)]))
  const store = await openFake(fileSystem)
  await store.append([attempt(1, { agent_name: 'few', model_name: 'claude:sonnet', issue_type: 'complexity' })])
  const [one] = await store.summaries()
  const recent = entry('few', 7).recent_results
  const seconds = recent.reduce((sum, result) => sum + result.time_seconds, 0) + attempt(1).time_seconds
  expect(agentMetrics(one!).avg_time_seconds).toBe(Math.round((seconds / 8) * 1000) / 1000)
})

test('it goes on counting from there', async () => {
  const fileSystem = await diskWith(named(ENTRIES))
  const store = await openFake(fileSystem)
  await store.append([attempt(1, { agent_name: 'many', model_name: 'claude:sonnet', issue_type: 'complexity' })])
  await store.close()
  const again = await openFake(createFakeFileSystem(fileSystem.disk))
  const [many] = await again.summaries(undefined, { agent_name: 'many' })
  expect(totalAttempts(many!.summary)).toBe(251)
  expect((await again.attempts({ limit: 1 })).attempts).toEqual([
    attempt(1, { agent_name: 'many', model_name: 'claude:sonnet', issue_type: 'complexity' }),
  ])
})

test.each(DONE)(
  'killed or without power after any operation that has done %s, it is taken in once all the same',
  async done => {
    const newDisk = async (): Promise<Disk> => (await diskWith(named(ENTRIES))).disk
    const isUnchecked = createUnchecked()
    await atEveryChange(newDisk, { done }, async (fileSystem, at) => {
      await openFake(fileSystem, { random: repeatableBytes() })
        .then(store => store.close())
        .catch(() => {})
      for (const [what, ending] of ENDINGS) {
        for (const disk of ending(fileSystem.disk, at)) {
          if (!isUnchecked(disk)) continue
          const store = await openFake(createFakeFileSystem(disk))
          expect(await metricsOf(store), what).toEqual(ENTRIES)
          expect((await store.attempts({ limit: 1000 })).attempts, what).toHaveLength(205)
          await store.close()
        }
      }
    })
  },
)

test('an entry that is damaged costs itself alone, and the document is kept aside', async () => {
  const good = entry('good', 12)
  const bad: Record<string, unknown> = {
    notAnObject: 7,
    nothing: null,
    noName: { ...entry('a', 3), agent_name: undefined },
    control: { ...entry('a', 3), agent_name: 'a\u0007' },
    negative: { ...entry('a', 3), failed_fixes: -1, total_attempts: 1 },
    notCounts: { ...entry('a', 3), total_attempts: '3' },
    fraction: { ...entry('a', 3), total_attempts: 2.5, successful_fixes: 1.5 },
    sum: { ...entry('a', 3), total_attempts: 4 },
    average: { ...entry('a', 3), avg_confidence: 7 },
    noList: { ...entry('a', 3), recent_results: undefined },
    tooMany: { ...entry('a', 3), total_attempts: 1, successful_fixes: 1, failed_fixes: 0 },
    huge: { ...entry('a', 3), total_attempts: 1e300, successful_fixes: 1e300, failed_fixes: 0 },
  }
  const fileSystem = await diskWith({ ...bad, ...named([good]) })
  const before = fileSystem.contentOf(PATH)
  const store = await openFake(fileSystem)
  expect(await metricsOf(store)).toEqual([good])
  const aside = (await fileSystem.list('/data')).find(name => name.startsWith('perf.json.corrupt-'))
  expect(fileSystem.contentOf(`/data/${aside}`)).toEqual(before)
})

test('a listed attempt that is damaged is not listed, and still counts in the totals', async () => {
  const one = entry('good', 12)
  const damaged = [{ ...one.recent_results[0], time_seconds: -1 }, null, ...one.recent_results.slice(2)]
  const store = await openFake(await diskWith({ one: { ...one, recent_results: damaged } }))
  const [metrics] = await metricsOf(store)
  expect(metrics).toEqual({ ...one, recent_results: one.recent_results.slice(2) })
})

test('keys that print alike, and names that are no plain keys, are all taken in', async () => {
  const alike = [
    { ...entry('a:b', 3), model_name: 'c' },
    { ...entry('a', 4), model_name: 'b:c' },
    { ...entry('__proto__', 5), model_name: 'm' },
  ].map(({ recent_results, ...one }) => ({
    ...one,
    recent_results: recent_results.map(recent => ({ ...recent, model_name: one.model_name })),
  }))
  const metrics = JSON.parse(
    `{"a:b:c:complexity": ${JSON.stringify(alike[0])}, "a:b:c:complexity#2": ${JSON.stringify(alike[1])}, "__proto__": ${JSON.stringify(alike[2])}}`,
  )
  const fileSystem = await diskWith({})
  fileSystem.plant(PATH, `{"version": "1.0", "metrics": ${JSON.stringify(metrics)}}`)
  const store = await openFake(fileSystem)
  expect(await metricsOf(store)).toEqual(alike)
})

test('a document that is put beside a journal that never held anything is taken in', async () => {
  const fileSystem = createFakeFileSystem()
  await (await openFake(fileSystem)).close()
  fileSystem.plant(PATH, (await diskWith(named(ENTRIES))).contentOf(PATH)!)
  expect(await metricsOf(await openFake(createFakeFileSystem(fileSystem.disk)))).toEqual(ENTRIES)
})

test('a document whose journal was deleted is taken in again', async () => {
  const fileSystem = await diskWith(named(ENTRIES))
  await (await openFake(fileSystem)).close()
  fileSystem.plant('/data/perf.journal', undefined)
  expect(await metricsOf(await openFake(createFakeFileSystem(fileSystem.disk)))).toEqual(ENTRIES)
})

test('what is no document is moved aside, and never written over', async () => {
  const fileSystem = await diskWith({})
  fileSystem.plant(PATH, '{"metrics": {"cut off')
  const store = await openFake(fileSystem)
  await store.append([attempt(1)])
  await store.close()
  const aside = (await fileSystem.list('/data')).find(name => name.startsWith('perf.json.corrupt-'))
  expect(fileSystem.contentOf(`/data/${aside}`)?.toString()).toBe('{"metrics": {"cut off')
  expect(await countedIn(await openFake(createFakeFileSystem(fileSystem.disk)))).toBe(1)
})

test.each(['NaN', 'Infinity', '-Infinity'])(
  'an entry in which Python wrote %s costs itself, and a listed attempt its place',
  async word => {
    const metrics = named([entry('few', 5), entry('worse', 5), entry('NaN, Infinity', 2)])
    const fileSystem = await diskWith(metrics)
    const text = fileSystem
      .contentOf(PATH)!
      .toString()
      .replace(/("agent_name": "worse",[^[]*"avg_confidence": )[\d.]+/, `$1${word}`)
      .replace(/("agent_name": "few",[^[]*"recent_results": \[[^}]*"confidence": )[\d.]+/, `$1${word}`)
    expect(text.split(word)).toHaveLength(word === '-Infinity' ? 3 : 7)
    fileSystem.plant(PATH, text)
    const errors: unknown[] = []
    const log = { debug() {}, info() {}, warn() {}, error: (_: string, fields: unknown) => void errors.push(fields) }
    const store = await openFake(fileSystem, { log })
    const [few, quoted] = (await metricsOf(store)) as [Entry, Entry]
    expect([few.agent_name, few.total_attempts, few.recent_results.length]).toEqual(['few', 5, 4])
    expect(quoted).toEqual(entry('NaN, Infinity', 2))
    expect(await countedIn(store)).toBe(7)
    expect(errors).toEqual([
      expect.objectContaining({ entry: 'few:claude:sonnet:complexity' }),
      expect.objectContaining({ entry: 'worse:claude:sonnet:complexity' }),
    ])
    const aside = (await fileSystem.list('/data')).filter(name => name.includes('.corrupt-'))
    expect(fileSystem.contentOf(`/data/${aside[0]}`)?.toString()).toBe(text)
    await store.close()
  },
)

test('a very long text beside a NaN is no obstacle', async () => {
  const fileSystem = await diskWith(named([entry('few', 5)]))
  const text = fileSystem.contentOf(PATH)!.toString()
  const long = JSON.stringify('\\"NaN'.repeat(1_000_000))
  fileSystem.plant(PATH, text.replace('"version"', `"note": ${long}, "of": NaN, "version"`))
  const store = await openFake(fileSystem)
  expect(await countedIn(store)).toBe(5)
  await store.close()
})
