/** `copy` between stores of every kind, on real servers. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { compareStores } from '../../src/command/same-answers.ts'
import type { SeriesPoint } from '../../src/core/aggregate/series.ts'
import { createTally } from '../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../src/core/aggregate/time-tiers.ts'
import type { NewAttempt } from '../../src/core/attempt/attempt.ts'
import { copyStore } from '../../src/store/copy/copy.ts'
import { openLog, openStore, openStoreToRead } from '../../src/store/open.ts'
import { createConnection } from '../../src/store/postgres/connection.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { HOSTILE_NAMES } from '../store/conformance.ts'
import { attempt } from '../store/engine/engines.ts'
import { answersOf, REAL, realAttempts, workload } from '../store/workload.ts'
import { missingPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { startProxy } from '../support/proxy.ts'
import { missingRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { runCommand } from './run-command.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname
/** After all attempts, and the same in all answers that are compared. */
const NOW = Date.now()
const clock = (): number => NOW

let folder: string
let postgres: PostgresServer | undefined
let redis: RedisServer | undefined
let made = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'copy-'))
  postgres = missingPostgres() === undefined ? await startPostgres() : undefined
  redis = missingRedis() === undefined ? await startRedis() : undefined
})
afterAll(async () => {
  await postgres?.[Symbol.asyncDispose]()
  await redis?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const KINDS = {
  file: () => join(folder, `${++made}.json`),
  SQLite: () => `sqlite:${join(folder, `${++made}.db`)}`,
  PostgreSQL: () => postgres && `${postgres.url}?schema=copy_${process.pid}_${++made}`,
  Redis: () => redis && `${redis.url}?name=copy-${process.pid}-${++made}`,
} satisfies Record<string, () => string | undefined>
type Kind = keyof typeof KINDS
const kinds = Object.keys(KINDS) as Kind[]

/** A store that does not exist yet. Skips the test if there is no such server. */
function newStore(kind: Kind, { skip }: { skip(reason: string): never }): string {
  return KINDS[kind]() ?? skip(`${kind} is not installed`)
}

async function copied(from: string, to: string): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await runCommand(['copy', '--from', from, '--to', to, '--json'])
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  return JSON.parse(stdout)
}

/** All answers of a store, as text. */
async function contentOf(target: string): Promise<string> {
  const tracker = new AgentPerformanceTracker({ store: await openStoreToRead(target, { clock }), clock })
  const text = await answersOf(tracker)
  await tracker.close()
  return text
}

async function fill(target: string, batches: readonly NewAttempt[][]): Promise<void> {
  const tracker = new AgentPerformanceTracker({ store: target })
  for (const batch of batches) expect(await tracker.recordAttempts(batch)).toMatchObject({ rejected: [] })
  await tracker.close()
}

describe('through stores of other kinds and back into a file', () => {
  test.for([['6,000 made'], ['the real']] as const)('%s attempts keep every answer', async ([name], context) => {
    const batches =
      name === '6,000 made' ? workload() : ((await realAttempts()) ?? context.skip(`there is no file ${REAL.pathname}`))
    const through = name === '6,000 made' ? (['SQLite', 'PostgreSQL', 'Redis'] as const) : (['PostgreSQL'] as const)
    const chain = (['file', ...through, 'file'] as const).map(kind => newStore(kind, context))
    await fill(chain[0]!, batches)
    for (let i = 1; i < chain.length; i++) {
      const { verified } = await copied(chain[i - 1]!, chain[i]!)
      expect(verified).toMatchObject({ questions: 12, differences: [] })
    }
    const last = chain.at(-1)!
    expect(await contentOf(last)).toBe(await contentOf(chain[0]!))
    // The document is that of the original, but for its time and its place in the journal.
    const documentOf = async (path: string): Promise<string> =>
      (await readFile(path, 'utf8')).replace(/^"(last_updated|journal)":.*$/gm, '')
    expect(await documentOf(last)).toBe(await documentOf(chain[0]!))
  })
})

const hostile: NewAttempt[] = HOSTILE_NAMES.flatMap((name, i) => [
  attempt(i, { agent_name: name, model_name: name, issue_type: name, success: i % 3 === 0 }),
  attempt(`of ${name.slice(0, 50)}`, { issue_type: name, experiment: name, variant: i % 2 === 0 ? 'a' : name }),
])

const point = (value: number): SeriesPoint => ({
  series: 'a "sender"',
  key: { agent_name: 'sender', model_name: 'm', issue_type: 'bug' },
  measure: { metric: 'attempts', of: 'success' },
  startMs: NOW - 60_000,
  timeMs: NOW - 1000 + value,
  cumulative: true,
  values: [value],
})

/** The other way round, so that every kind is a source and a target twice. */
const reverse = (context: { skip(reason: string): never }): string[] =>
  (['file', 'Redis', 'PostgreSQL', 'SQLite', 'file'] as const).map(kind => newStore(kind, context))

test('hostile names, plans, metric series and known ids are copied through every kind of store', async context => {
  const chain = reverse(context)
  const tracker = new AgentPerformanceTracker({ store: chain[0]! })
  await tracker.recordAttempts(hostile)
  await tracker.keepPoints([point(5)])
  await tracker.putExperimentPlan('__proto__', { shares: new Map([['a', 1]]) })
  await tracker.close()
  const expected = await contentOf(chain[0]!)
  for (let i = 1; i < chain.length; i++) {
    expect(await copied(chain[i - 1]!, chain[i]!)).toMatchObject({ copied: hostile.length, copied_before: 0 })
    expect(await contentOf(chain[i]!)).toBe(expected)
  }
  for (const target of chain.slice(1)) {
    const again = new AgentPerformanceTracker({ store: target })
    expect(await again.recordAttempts(hostile)).toMatchObject({ accepted: 0, duplicates: hostile.length })
    expect(await again.keepPoints([point(5), point(7)])).toMatchObject({ attempts: 2 })
    await again.close()
  }
})

test('an empty store is copied through every kind of store', async context => {
  const chain = reverse(context)
  await fill(chain[0]!, [])
  for (let i = 1; i < chain.length; i++)
    expect(await copied(chain[i - 1]!, chain[i]!)).toMatchObject({ copied: 0, verified: { attempts: 0, keys: 0 } })
})

test('2,000 keys are copied', async context => {
  const [source, target] = [newStore('file', context), newStore('PostgreSQL', context)]
  await fill(source, [Array.from({ length: 2000 }, (_, i) => attempt(i, { agent_name: `agent ${i}` }))])
  expect(await copied(source, target)).toMatchObject({ copied: 2000, verified: { keys: 2000, differences: [] } })
}, 120_000)

test('the sentence says what was copied and verified', async context => {
  const [source, target] = [newStore('file', context), newStore('SQLite', context)]
  await fill(source, [hostile])
  const { stdout } = await runCommand(['copy', '--from', source, '--to', target])
  expect(stdout).toMatch(/^Copied 36 attempts from .*\.json to sqlite:.*\.db\.\nVerified: both stores give the same/)
  expect(stdout.replaceAll('\n', ' ')).toMatch(/to all 12 questions, the same \/metrics, .* of 36 keys .* 36 attempts/)
})

describe('a source that a sidecar has open', () => {
  test.for(['file', 'PostgreSQL'] as const)(
    'is copied from %s without disturbing it, and another run copies later attempts',
    async (kind, context) => {
      const [source, target] = [newStore(kind, context), newStore('file', context)]
      const store = await openStore(source)
      const sidecar = new AgentPerformanceTracker({ store })
      await sidecar.recordAttempts(hostile)
      expect(await copied(source, target)).toMatchObject({ copied: hostile.length })
      expect(store.health()).toMatchObject({ writable: true })
      expect(await sidecar.recordAttempt(attempt('later'))).toEqual({
        status: 'accepted',
      })
      expect(await copied(source, target)).toMatchObject({ copied: 1, copied_before: hostile.length })
      await sidecar.close()
      expect(await contentOf(target)).toBe(await contentOf(source))
    },
  )
})

describe('a target is refused with exit code 73 and the remedy, and is not changed,', () => {
  test.for(['file', 'Redis'] as const)('if it is %s with other data', async (kind, context) => {
    const [source, target] = [newStore('file', context), newStore(kind, context)]
    await fill(source, [hostile])
    await fill(target, [hostile])
    const before = await contentOf(target)
    const { exitCode, stderr } = await runCommand(['copy', '--from', source, '--to', target])
    expect(exitCode).toBe(73)
    expect(stderr).toMatch(/cannot copy into .*: it holds other data.*Name an empty store/)
    expect(await contentOf(target)).toBe(before)
  })

  test('if it is a document without a journal', async context => {
    const [source, copy, target] = [newStore('file', context), newStore('file', context), newStore('file', context)]
    await fill(source, [hostile])
    await fill(copy, [hostile])
    await runCommand(['export', '--format', 'document', '--store', copy, '--output', target])
    const { exitCode } = await runCommand(['copy', '--from', source, '--to', target])
    expect(exitCode).toBe(73)
    expect(await contentOf(target)).toContain('__proto__')
  })
})

/** An entry as the running averages of the Python tracker make it, of `total` attempts of which the last hundred are listed. */
function entryOf(agent_name: string, total: number): Record<string, unknown> {
  const key = { agent_name, model_name: 'm', issue_type: 'bug' }
  const all = Array.from({ length: total }, (_, i) => ({
    timestamp: new Date(Date.parse('2026-02-01T10:00:00Z') + i * 1000).toISOString(),
    ...key,
    success: i % 3 !== 0,
    confidence: 0.5,
    time_seconds: 2,
  }))
  const successful_fixes = all.filter(({ success }) => success).length
  return {
    ...key,
    total_attempts: total,
    successful_fixes,
    failed_fixes: total - successful_fixes,
    avg_confidence: 0.5,
    avg_time_seconds: 2,
    recent_results: all.slice(-100),
  }
}

const documentOf = (entries: readonly Record<string, unknown>[]): string =>
  JSON.stringify(
    {
      version: '1.0',
      last_updated: 'x',
      metrics: Object.fromEntries(entries.map(one => [`${one.agent_name}:m:bug`, one])),
    },
    null,
    2,
  )

async function entriesOf(store: string): Promise<unknown[]> {
  const { stdout } = await runCommand(['export', '--format', 'document', '--store', store])
  return Object.values((JSON.parse(stdout) as { metrics: object }).metrics)
}

describe('a document of the Python tracker', () => {
  const entries = [entryOf('few', 5), entryOf('many', 250)]

  test.for(kinds)('becomes the beginning of %s with its totals, once', async (kind, context) => {
    const [document, store] = [newStore('file', context), newStore(kind, context)]
    await writeFile(document, documentOf(entries))
    const imported = async (): Promise<object> => {
      const { exitCode, stdout, stderr } = await runCommand(['import', document, '--store', store, '--json'])
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
      return JSON.parse(stdout).files[0]
    }
    expect(await imported()).toMatchObject({ accepted: 255, duplicates: 0, adopted: 'now' })
    expect(await entriesOf(store)).toEqual(entries)
    expect(await imported()).toMatchObject({ accepted: 0, duplicates: 255, adopted: 'before' })
    expect(await entriesOf(store)).toEqual(entries)
    const { stdout } = await runCommand(['import', document, '--store', store])
    expect(stdout).toContain('the store began with this document')
    await fill(store, [[attempt('own')]])
    expect(await imported()).toMatchObject({ accepted: 0, adopted: 'before' })
    // A later copy of the document adds what is new in it.
    await writeFile(document, documentOf([entryOf('few', 7), entries[1]!]))
    expect(await imported()).toMatchObject({ accepted: 2, duplicates: 105 })
    expect((await runCommand(['report', '--store', store])).stdout).toMatch(/^258 attempts/)
  })

  test.for(['file', 'PostgreSQL'] as const)(
    'with NaN in %s costs the entry that holds it alone',
    async (kind, context) => {
      const [document, store, used] = [newStore('file', context), newStore(kind, context), newStore(kind, context)]
      const text = documentOf([entryOf('bad', 3), ...entries])
      await writeFile(document, text.replace('"avg_confidence": 0.5', '"avg_confidence": NaN'))
      const { exitCode, stdout, stderr } = await runCommand(['import', document, '--store', store])
      expect(exitCode).toBe(65)
      expect(stdout).toContain('Imported 255 attempts')
      expect(stderr).toMatch(/1 part of it is damaged and left out: bad:m:bug: avg_confidence/)
      expect(await entriesOf(store)).toEqual(entries)
      // A store that holds something takes the attempts, except those with NaN.
      await fill(used, [[attempt('own')]])
      await writeFile(document, text.replace('"confidence": 0.5', '"confidence": NaN'))
      expect(await runCommand(['import', document, '--store', used])).toMatchObject({
        exitCode: 65,
        stdout: expect.stringContaining('Imported 107 attempts'),
        stderr: expect.stringContaining('result 1 of bad:m:bug: it holds NaN'),
      })
    },
  )

  test('has its models under the names of --model-aliases', async context => {
    const [document, store] = [newStore('file', context), newStore('file', context)]
    const aliases = join(folder, 'aliases.yaml')
    await writeFile(aliases, 'model-name: [m]\n')
    await writeFile(document, documentOf(entries))
    const { exitCode, stderr } = await runCommand(['import', document, '--store', store, '--model-aliases', aliases])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    const named = entries.map(one =>
      JSON.parse(JSON.stringify(one).replaceAll('"model_name":"m"', '"model_name":"model-name"')),
    )
    expect(await entriesOf(store)).toEqual(named)
  })

  test('is copied as it is into another store', async context => {
    const [document, store] = [newStore('file', context), newStore('Redis', context)]
    await writeFile(document, documentOf(entries))
    expect(await copied(document, store)).toMatchObject({ copied: 105, verified: { attempts: 105 } })
    expect(await entriesOf(store)).toEqual(entries)
    expect(await readFile(document, 'utf8')).toBe(documentOf(entries))
  })
})

test('the exported document is the file of the store to the last byte, and of a copy but for its place in the log', async context => {
  const [source, target] = [newStore('file', context), newStore('SQLite', context)]
  vi.useFakeTimers({ toFake: ['Date'], now: NOW })
  try {
    await fill(source, [hostile])
    const exported = async (store: string): Promise<string> =>
      (await runCommand(['export', '--format', 'document', '--store', store])).stdout
    const text = await exported(source)
    expect(text).toBe(await readFile(source, 'utf8'))
    await copied(source, target)
    const withoutPlace = (document: string): string => document.slice(0, document.indexOf('"journal":'))
    expect(withoutPlace(await exported(target))).toBe(withoutPlace(text))
    for (const argv of [
      ['--since', '1d'],
      ['--url', 'http://127.0.0.1:1'],
    ])
      expect((await runCommand(['export', '--format', 'document', ...argv])).exitCode).toBe(64)
  } finally {
    vi.useRealTimers()
  }
})

test('the same path twice is wrong usage, and a missing source is no store', async context => {
  const path = newStore('file', context)
  expect(await runCommand(['copy', '--from', path, '--to', join(path, '..', path.split('/').at(-1)!)])).toMatchObject({
    exitCode: 64,
  })
  for (const kind of kinds) {
    const [source, target] = [newStore(kind, context), newStore('file', context)]
    const { exitCode, stderr } = await runCommand(['copy', '--from', source, '--to', target])
    expect({ kind, exitCode }).toEqual({ kind, exitCode: 74 })
    expect(stderr).toContain('there is no store')
    expect(existsSync(target)).toBe(false)
  }
})

test('stores that differ in one attempt are found to differ', async context => {
  const [one, other] = [newStore('file', context), newStore('SQLite', context)]
  await fill(one, [hostile])
  await fill(other, [[...hostile.slice(1), { ...hostile[0]!, time_seconds: 1e-9 }]])
  const [a, b] = [await openStoreToRead(one, { clock }), await openStoreToRead(other, { clock })]
  const { differences } = await compareStores(a, b, clock)
  for (const name of ['report {}', '/metrics', 'the folded state', 'the list of attempts'])
    expect(differences).toContain(name)
  await Promise.all([a.close(), b.close()])
})

test('a damaged source is copied without the damaged attempt, and the exit code and the message say so', async context => {
  const [source, target] = [newStore('file', context), newStore('SQLite', context)]
  await fill(source, [hostile])
  const segment = join(source.replace('.json', '.journal'), '00000000000000000001.ndjson')
  const bytes = await readFile(segment)
  // The last attempt.
  bytes[bytes.lastIndexOf('agent_name')] = 'A'.charCodeAt(0)
  await writeFile(segment, bytes)
  const { exitCode, stdout, stderr } = await runCommand(['copy', '--from', source, '--to', target, '--json'])
  expect(exitCode).toBe(65)
  expect(JSON.parse(stdout)).toMatchObject({ copied: 35, source_damaged: true, verified: { differences: [] } })
  expect(stderr).toMatch(/is damaged: attempts that cannot be read are in no copy/)
  expect((await runCommand(['report', '--store', target])).stdout).toMatch(/^36 attempts/)
})

test.for(['file', 'SQLite', 'Redis'] as const)(
  'a copy into %s that broke off before its snapshot is no store, and is finished by the next run',
  async (kind, context) => {
    const [source, target] = [newStore('file', context), newStore(kind, context)]
    await fill(source, [hostile])
    const log = await openLog(target, { tally: createTally({ maxKeys: 10_000, maxArms: 1000, tiers: DEFAULT_TIERS }) })
    const failing = Object.assign(log, { putSnapshot: () => Promise.reject(new Error('the disk is full')) })
    const opened = await openStoreToRead(source)
    await expect(copyStore({ source: opened, target: failing, clock: Date.now })).rejects.toThrow('the disk is full')
    await Promise.all([log.close(), opened.close()])
    expect((await runCommand(['report', '--store', target])).exitCode).toBe(75)
    await expect(openStore(target)).rejects.toMatchObject({ name: 'UnfinishedCopy' })
    expect(await copied(source, target)).toMatchObject({ copied: 0, copied_before: hostile.length })
    expect(await contentOf(target)).toBe(await contentOf(source))
  },
)

test('more keys than the default limit stay counted, and the target has the limits of the source', async context => {
  const [source, target] = [newStore('file', context), newStore('PostgreSQL', context)]
  const small = { tally: createTally({ maxKeys: 5, maxArms: 2, tiers: DEFAULT_TIERS }) }
  const tracker = new AgentPerformanceTracker({ store: await openStore(source, small) })
  await tracker.recordAttempts(hostile)
  await tracker.close()
  expect(await copied(source, target)).toMatchObject({ verified: { differences: [] } })
  const opened = await openStoreToRead(target)
  expect(opened.limits).toMatchObject({ maxKeys: 5, maxArms: 2 })
  await opened.close()
})

test.for(['file', 'PostgreSQL'] as const)(
  'limits that were raised are those of a copy in %s',
  async (kind, context) => {
    const [source, target] = [newStore('SQLite', context), newStore(kind, context)]
    for (const maxKeys of [5, 10]) {
      const tally = createTally({ maxKeys, maxArms: 2, tiers: DEFAULT_TIERS })
      const tracker = new AgentPerformanceTracker({ store: await openStore(source, { tally, raiseLimits: true }) })
      await tracker.recordAttempts(hostile.map(one => ({ ...one, attempt_id: `${maxKeys} ${one.attempt_id}` })))
      await tracker.close()
      expect(await copied(source, target)).toMatchObject({ copied: hostile.length, verified: { differences: [] } })
      const opened = await openStoreToRead(target)
      expect(opened.limits).toMatchObject({ maxKeys, maxArms: 2 })
      await opened.close()
    }
  },
)

/** Ends the process as a crash does. */
async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

test('a copy that is killed between two groups is finished by the next run, and refused as a store until then', async context => {
  if (postgres === undefined) return context.skip('PostgreSQL is not installed')
  const [source, target] = [newStore('file', context), newStore('PostgreSQL', context)]
  await fill(source, [Array.from({ length: 6000 }, (_, i) => attempt(i))])
  const schema = new URL(target).searchParams.get('schema')!
  const connection = createConnection(postgres.url)
  const groups = async (): Promise<number> => {
    const [row] = await connection.query<{ last: string }>(`select last from ${schema}.head`).catch(() => [])
    return Number(row?.last ?? 0)
  }
  await using proxy = await startProxy({ host: '127.0.0.1', port: Number(new URL(target).port) })
  const behind = new URL(target)
  behind.port = String(proxy.port)
  const child = spawn(process.execPath, [MAIN, 'copy', '--from', source, '--to', behind.href], { stdio: 'ignore' })
  await expect.poll(groups, { interval: 1, timeout: 30_000 }).toBeGreaterThanOrEqual(2)
  // Nothing reaches the server any more, so that the copy cannot end before it is killed.
  proxy.freeze()
  await kill(child)
  expect(await runCommand(['report', '--store', target])).toMatchObject({
    exitCode: 75,
    stderr: expect.stringContaining('unfinished copy'),
  })
  await connection.close()
  const { copied: attempts, copied_before: before } = await copied(source, target)
  expect(Number(attempts) + Number(before)).toBe(6000)
  expect(attempts).toBeGreaterThan(0)
  expect(await contentOf(target)).toBe(await contentOf(source))
}, 120_000)
