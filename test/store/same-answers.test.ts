/** The same attempts through every kind of store give the same answer to every question, to the last byte, also after a restart. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NewAttempt } from '../../src/core/attempt/attempt.ts'
import { openStore } from '../../src/store/open.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { missingPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { missingRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { answersOf, NOW, REAL, realAttempts, workload } from './workload.ts'

const clock = (): number => NOW

interface Answers {
  readonly first: string
  readonly again: string
}

/** The answers of a store after the batches were recorded, and again after a restart. */
async function answersThrough(target: string, batches: readonly NewAttempt[][]): Promise<Answers> {
  const open = async (): Promise<AgentPerformanceTracker> =>
    new AgentPerformanceTracker({ store: await openStore(target, { clock }), clock })
  const tracker = await open()
  for (const batch of batches) {
    const { rejected, error } = await tracker.recordAttempts(batch)
    expect([rejected, error]).toEqual([[], undefined])
  }
  const first = await answersOf(tracker)
  await tracker.close()
  const reopened = await open()
  const again = await answersOf(reopened)
  await reopened.close()
  return { first, again }
}

describe('every store gives the answers of the file store', () => {
  let folder: string
  let postgres: PostgresServer | undefined
  let redis: RedisServer | undefined
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'same-answers-'))
    postgres = missingPostgres() === undefined ? await startPostgres() : undefined
    redis = missingRedis() === undefined ? await startRedis() : undefined
  })
  afterAll(async () => {
    await postgres?.[Symbol.asyncDispose]()
    await redis?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  const targets = {
    SQLite: (name: string) => `sqlite:${join(folder, `${name}.db`)}`,
    PostgreSQL: (name: string) => postgres && `${postgres.url}?schema=same_${process.pid}_${name}`,
    Redis: (name: string) => redis && `${redis.url}?name=same-${process.pid}-${name}`,
  }
  const data = { made: async () => workload(), real: realAttempts }
  const fromFile = new Map<string, Promise<Answers>>()

  test.for(
    Object.keys(data).flatMap(name =>
      Object.keys(targets).map(store => [store, name] as [keyof typeof targets, keyof typeof data]),
    ),
  )('%s, for %s attempts', async ([store, name], context) => {
    const target = targets[store](name) ?? context.skip(`${store} is not installed`)
    const batches = (await data[name]()) ?? context.skip(`there is no file ${REAL.pathname}`)
    if (!fromFile.has(name)) fromFile.set(name, answersThrough(join(folder, `${name}.json`), batches))
    const expected = await fromFile.get(name)!
    expect(expected.again).toBe(expected.first)
    expect(await answersThrough(target, batches)).toEqual(expected)
  })
})
