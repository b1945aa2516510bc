/**
 * A Redis server for tests: the one that `AGENT_PERFORMANCE_TEST_REDIS` names, or an installed `redis-server`, started on a free port with its
 * files in a temporary folder, and `appendfsync always`.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '@redis/client'
import { freePort } from './free-port.ts'

export interface RedisServer extends AsyncDisposable {
  readonly url: string
  /** Kills the server, and starts it again. */
  crash(): Promise<void>
  /** Kills the server. */
  halt(): Promise<void>
  /** Runs a command. Resolves with its reply. */
  run(...command: readonly string[]): Promise<unknown>
}

/** Why no server can be started here. Undefined where one can. */
export function missingRedis(): string | undefined {
  if (process.env.AGENT_PERFORMANCE_TEST_REDIS !== undefined) return undefined
  return spawnSync('redis-server', ['--version']).status === 0 ? undefined : 'redis-server is not installed'
}

export async function startRedis(...settings: readonly string[]): Promise<RedisServer> {
  const given = process.env.AGENT_PERFORMANCE_TEST_REDIS
  const none = async (): Promise<void> => undefined
  if (given !== undefined && settings.length === 0)
    return { url: given, crash: none, halt: none, run: runOn(given), [Symbol.asyncDispose]: none }
  const folder = mkdtempSync(join(tmpdir(), 'agent-performance-redis-'))
  const port = await freePort()
  let running: ChildProcess | undefined

  async function start(): Promise<void> {
    const own = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
      '--save',
      '',
    ]
    running = spawn('redis-server', [...own, ...settings], { stdio: 'ignore' })
    for (let tries = 0; tries < 400; tries++) {
      if (await isReady(port)) return
      await delay(25)
    }
    throw new Error('Redis did not start')
  }

  async function kill(): Promise<void> {
    const child = running!
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  await start()
  const url = `redis://127.0.0.1:${port}`
  return {
    url,
    halt: kill,
    run: runOn(url),
    async crash() {
      await kill()
      await start()
    },
    async [Symbol.asyncDispose]() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function runOn(url: string): RedisServer['run'] {
  return async (...command) => {
    const client = createClient({ url, RESP: 2, disableOfflineQueue: true })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return await client.sendCommand([...command])
    } finally {
      client.destroy()
    }
  }
}

/** Whether the server answers PING. It does not while it loads its files. */
function isReady(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection({ port, host: '127.0.0.1' }, () => socket.write('PING\r\n'))
    socket.once('data', data => {
      socket.destroy()
      resolve(/^(\+PONG|-NOAUTH)/.test(data.toString()))
    })
    socket.once('error', () => resolve(false))
  })
}
