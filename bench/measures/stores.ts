/** Times any store: appends from several clients, and folding a log that another sidecar wrote. */
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { createClient } from '@redis/client'
import pg from 'pg'
import type { AgentAttempt } from '../../src/core/attempt/attempt.ts'
import { openStore } from '../../src/store/open.ts'
import { parseTarget as parsePostgres } from '../../src/store/postgres/target.ts'
import { parseTarget as parseRedis } from '../../src/store/redis/target.ts'
import { pathOf } from '../../src/store/sqlite/place.ts'
import { attemptsOf } from '../support/attempts.ts'
import { quantile } from '../support/statistics.ts'

const KEYS = 100
/** A sidecar runs for days. In a new process, code is compiled for about two seconds. */
const WARM_UP_MS = 2500

export interface StoreRate {
  /** Attempts. */
  readonly perSecond: number
  /** Milliseconds until an append was answered. */
  readonly p50: number
  readonly p99: number
  /** CPU of this process, in microseconds for an attempt. */
  readonly cpu: number
}

const MADE = attemptsOf(10_000, KEYS) as readonly AgentAttempt[]
let nextId = 0

/** Attempts with ids of this process. All else is made before, so that little of the time is the client's. */
export function withIds(count: number): AgentAttempt[] {
  const attempts: AgentAttempt[] = []
  for (let i = 0; i < count; i++, nextId++)
    attempts.push({ ...MADE[nextId % MADE.length]!, attempt_id: `${process.pid}-${nextId}` })
  return attempts
}

/** Appends from `clients` clients, each of which waits for its answer, in batches of `batch`. */
export async function timeStore(target = '', clients = '', batch = '', ms = ''): Promise<StoreRate> {
  const store = await openStore(target)
  const latencies: number[] = []
  let isMeasured = false
  let isOver = false
  const running = Array.from({ length: Number(clients) }, async () => {
    while (!isOver) {
      const attempts = withIds(Number(batch))
      const startMs = performance.now()
      await store.append(attempts)
      if (isMeasured) latencies.push(performance.now() - startMs)
    }
  })
  await pause(WARM_UP_MS)
  isMeasured = true
  const [startMs, used] = [performance.now(), process.cpuUsage()]
  await pause(Number(ms))
  isMeasured = false
  const [tookMs, { user, system }] = [performance.now() - startMs, process.cpuUsage(used)]
  const kept = latencies.length * Number(batch)
  isOver = true
  await Promise.all(running)
  await store.close()
  const sorted = Float64Array.from(latencies).sort()
  return {
    perSecond: (kept / tookMs) * 1000,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    cpu: (user + system) / kept,
  }
}

/** Records attempts, and deletes the snapshots. */
export async function fillStore(target = '', attempts = ''): Promise<void> {
  const store = await openStore(target)
  for (let kept = 0; kept < Number(attempts); kept += 1000) await store.append(withIds(1000))
  await store.close()
  await dropSnapshots(target)
}

async function dropSnapshots(target: string): Promise<void> {
  if (target.startsWith('sqlite:')) {
    const database = new DatabaseSync(pathOf(target))
    database.exec('delete from snapshot_parts; delete from snapshots')
    database.close()
  } else if (target.startsWith('redis:')) {
    const { url, keys } = parseRedis(target)
    const client = await createClient({ url }).connect()
    await client.del(keys.snapshots)
    client.destroy()
  } else {
    const { url, schema } = parsePostgres(target)
    const client = new pg.Client(url)
    await client.connect()
    await client.query(`delete from ${schema}.snapshots`)
    await client.end()
  }
}

export interface CatchUp {
  readonly ms: number
  /** CPU of this process, in milliseconds. */
  readonly cpuMs: number
  readonly records: number
}

/** Opens a store whose log holds attempts and no snapshot. */
export async function timeCatchUp(target = ''): Promise<CatchUp> {
  const [startMs, used] = [performance.now(), process.cpuUsage()]
  const store = await openStore(target)
  const [ms, { user, system }] = [performance.now() - startMs, process.cpuUsage(used)]
  console.log(JSON.stringify({ ms, cpuMs: (user + system) / 1000, records: store.replayedRecords } satisfies CatchUp))
  // Without a snapshot, so that the next round folds as much.
  process.exit(0)
}
