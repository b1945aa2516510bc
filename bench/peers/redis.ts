/** Redis with `appendfsync always`. Attempts are sent from Node with its client, and on bare sockets. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createClient } from '@redis/client'
import type { NewAttempt } from '../../src/core/attempt/attempt.ts'
import { startPinned } from '../support/pinned.ts'
import type { Bench } from '../support/row.ts'
import type { Server } from '../support/servers.ts'
import { freePort } from './pushgateway.ts'

const BINARY = '/usr/bin/redis-server'
/** Number of lines in the answer to one attempt. */
const LINES = 16

export const hasRedis: boolean = existsSync(BINARY)

/** Starts Redis with its files in `folder`. */
export async function startRedis(folder: string, core: 0 | 1 = 0): Promise<Server> {
  const port = await freePort()
  const args = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
  ]
  const pinned = startPinned(BINARY, [...args, '--save', ''], { core })
  await pinned.says(/Ready to accept connections/)
  return { ...pinned, port, pid: pinned.process.pid! }
}

const command = (...words: readonly string[]): string =>
  `*${words.length}\r\n${words.map(word => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`

/** The transaction of an attempt: updates four sums of its key and its list of the last 100 attempts. */
function transaction(attempt: NewAttempt): Buffer {
  const key = `${attempt.agent_name}:${attempt.model_name}:${attempt.issue_type}`
  return Buffer.from(
    [
      command('MULTI'),
      command('HINCRBY', key, 'total_attempts', '1'),
      command('HINCRBY', key, 'successful_attempts', attempt.success ? '1' : '0'),
      command('HINCRBYFLOAT', key, 'time_seconds', String(attempt.time_seconds)),
      command('HINCRBYFLOAT', key, 'confidence', String(attempt.confidence)),
      command('LPUSH', `${key}:recent`, JSON.stringify(attempt)),
      command('LTRIM', `${key}:recent`, '0', '99'),
      command('EXEC'),
    ].join(''),
  )
}

/** Attempts per second on bare sockets, one in flight on each: the limit of Redis itself, without the cost of a client. */
export async function redisBareRate(
  port: number,
  attempts: readonly NewAttempt[],
  connections: number,
  bench: Bench,
): Promise<number> {
  const requests = attempts.map(transaction)
  const taken = { sent: 0, answered: 0, isOver: false }
  const sockets = Array.from({ length: connections }, () => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let lines = 0
    const send = (): void => void socket.write(requests[taken.sent++ % requests.length]!)
    socket.on('connect', send).on('data', (bytes: Buffer) => {
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++
      if (bytes[0] === 45) throw new Error(bytes.toString())
      if (lines < LINES) return
      lines = 0
      taken.answered++
      if (!taken.isOver) send()
    })
    return socket
  })
  const rate = await rateOf(taken, bench)
  await Promise.all(sockets.map(socket => once(socket.end(), 'close')))
  return rate
}

/** Attempts per second with Redis's client, with `inFlight` attempts in flight on its single connection. */
export async function redisClientRate(
  port: number,
  attempts: readonly NewAttempt[],
  inFlight: number,
  bench: Bench,
): Promise<number> {
  const client = await createClient({ socket: { host: '127.0.0.1', port } }).connect()
  const taken = { sent: 0, answered: 0, isOver: false }
  const senders = Array.from({ length: inFlight }, async () => {
    while (!taken.isOver) {
      const attempt = attempts[taken.sent++ % attempts.length]!
      const key = `${attempt.agent_name}:${attempt.model_name}:${attempt.issue_type}`
      await client
        .multi()
        .hIncrBy(key, 'total_attempts', 1)
        .hIncrBy(key, 'successful_attempts', attempt.success ? 1 : 0)
        .hIncrByFloat(key, 'time_seconds', attempt.time_seconds)
        .hIncrByFloat(key, 'confidence', attempt.confidence ?? 0)
        .lPush(`${key}:recent`, JSON.stringify(attempt))
        .lTrim(`${key}:recent`, 0, 99)
        .exec()
      taken.answered++
    }
  })
  const rate = await rateOf(taken, bench)
  await Promise.all(senders)
  await client.close()
  return rate
}

async function rateOf(taken: { readonly answered: number; isOver: boolean }, bench: Bench): Promise<number> {
  await pause(bench.warmUpMs)
  const [from, startMs] = [taken.answered, performance.now()]
  await pause(bench.ms)
  const rate = ((taken.answered - from) / (performance.now() - startMs)) * 1000
  taken.isOver = true
  return rate
}
