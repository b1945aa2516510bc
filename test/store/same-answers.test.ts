/** The same attempts through every kind of store give the same answer to every question, to the last byte, also after a restart. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NewAttempt } from '../../src/core/attempt/attempt.ts'
import { createRandom } from '../../src/core/statistics/random.ts'
import { QUESTIONS } from '../../src/questions/questions.ts'
import { openStore } from '../../src/store/open.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { missingPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { missingRedis, type RedisServer, startRedis } from '../support/redis.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const clock = (): number => NOW
const REAL = new URL('../../../shared/data/terminal-bench-attempts.ndjson', import.meta.url)

/** 6,000 attempts of 60 keys in batches of 1 to 400, of which some repeat an id, and some come late. */
function workload(): NewAttempt[][] {
  const random = createRandom(7)
  const whole = (below: number): number => Math.floor(random() * below)
  const batches: NewAttempt[][] = []
  for (let made = 0; made < 6000; ) {
    const size = Math.min(6000 - made, random() < 0.5 ? 1 + whole(5) : 1 + whole(400))
    batches.push(
      Array.from({ length: size }, (_, i) => ({
        agent_name: `agent-${whole(4)}`,
        model_name: `model:${whole(3)}`,
        issue_type: `type-${whole(5)}`,
        success: random() < 0.7,
        confidence: random() < 0.1 ? null : whole(101) / 100,
        time_seconds: random() * 600,
        timestamp: new Date(NOW - whole(random() < 0.2 ? 60 * 86_400_000 : 7_200_000)).toISOString(),
        ...(random() < 0.9 && { attempt_id: `id ${random() < 0.1 ? whole(made + 1) : made + i}` }),
        ...(random() < 0.3 && { experiment: 'prompt', variant: random() < 0.5 ? 'long' : 'short' }),
        ...(random() < 0.5 && { cost_usd: random() }),
      })),
    )
    made += size
  }
  return batches
}

async function answersOf(tracker: AgentPerformanceTracker): Promise<string> {
  const answers: Record<string, unknown> = {}
  for (const question of QUESTIONS)
    for (const parameters of [question.example, { ...question.example, since: '1h' }])
      answers[`${question.path} ${JSON.stringify(parameters)}`] = await tracker
        .ask(question.path, parameters as never)
        .catch((error: unknown) => String(error))
  // A cursor is opaque: each kind of store has its own.
  return JSON.stringify(answers, (name, value) => (name === 'next_cursor' && value !== null ? 'a cursor' : value))
}

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

async function realAttempts(): Promise<NewAttempt[][] | undefined> {
  const text = await readFile(REAL, 'utf8').catch(() => undefined)
  const attempts = text
    ?.trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as NewAttempt)
  return (
    attempts &&
    Array.from({ length: Math.ceil(attempts.length / 500) }, (_, i) => attempts.slice(i * 500, i * 500 + 500))
  )
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
