/**
 * A PostgreSQL server for tests: the one that `AGENT_PERFORMANCE_TEST_POSTGRES` names, or one of an installed package, started on a free port
 * with its files in a temporary folder. Root starts it as the user `postgres`, because the server refuses to run as root.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { appendFileSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { freePort } from './free-port.ts'

const PACKAGES = '/usr/lib/postgresql'

export interface PostgresServer extends AsyncDisposable {
  /** The URL of the database `postgres`. */
  readonly url: string
  /** The data directory. */
  readonly data: string
  /** Ends the server as a crash does, and starts it again. */
  crash(): Promise<void>
  /** Kills the postmaster with SIGKILL, as the kernel does when memory is full, and starts the server again. */
  kill(): Promise<void>
  /** Runs a statement as the superuser. Resolves with its rows. */
  query(text: string): Promise<Record<string, unknown>[]>
  stop(): Promise<void>
  /** Ends the server as a crash does. */
  halt(): Promise<void>
  start(): Promise<void>
}

/** Why no server can be started here. Undefined where one can. */
export function missingPostgres(): string | undefined {
  if (process.env.AGENT_PERFORMANCE_TEST_POSTGRES !== undefined) return undefined
  if (binaries() === undefined) return `PostgreSQL is not installed in ${PACKAGES}`
  if (process.getuid?.() === 0 && userId() === undefined) return 'there is no user postgres'
  return undefined
}

function binaries(): string | undefined {
  if (!existsSync(PACKAGES)) return undefined
  const version = readdirSync(PACKAGES).sort((a, b) => Number(b) - Number(a))[0]
  return version === undefined ? undefined : join(PACKAGES, version, 'bin')
}

function userId(): readonly [number, number] | undefined {
  try {
    const id = (flag: string): number =>
      Number(execFileSync('id', [flag, 'postgres'], { stdio: ['ignore', 'pipe', 'ignore'] }))
    return [id('-u'), id('-g')]
  } catch {
    return undefined
  }
}

export interface PostgresOptions {
  /** Server settings, such as `ssl=on`. */
  readonly settings?: readonly string[]
  /** The folder of the server's files. Default: a new temporary one. */
  readonly parent?: string
  /** Options of `initdb`. */
  readonly initdb?: readonly string[]
  /** Copies the data of a running server, as a backup does. With `standby`, the copy follows the server at this port. */
  readonly copyOf?: { readonly url: string; readonly standbyOfPort?: number }
  /** Called with the data directory and the user that must own its files, before the server starts. */
  readonly prepare?: (data: string, own: (path: string) => void) => void
}

/** A server that the environment names is used only where nothing but a database is needed. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const given = process.env.AGENT_PERFORMANCE_TEST_POSTGRES
  if (given !== undefined && Object.keys(options).length === 0) {
    const none = async (): Promise<void> => undefined
    const query = (text: string): ReturnType<PostgresServer['query']> => queryOnce(given, text)
    return {
      url: given,
      data: '',
      query,
      crash: none,
      kill: none,
      stop: none,
      halt: none,
      start: none,
      [Symbol.asyncDispose]: none,
    }
  }
  const folder = mkdtempSync(join(options.parent ?? tmpdir(), 'agent-performance-postgres-'))
  const bin = binaries()!
  const owner = process.getuid?.() === 0 ? userId()! : undefined
  const own = (path: string): void => {
    if (owner !== undefined) chownSync(path, ...owner)
  }
  own(folder)
  const as = owner === undefined ? {} : { uid: owner[0], gid: owner[1] }
  const data = join(folder, 'data')
  const run = (program: string, ...args: string[]): unknown =>
    execFileSync(join(bin, program), args, { ...as, stdio: 'ignore', cwd: folder })
  if (options.copyOf === undefined)
    run(
      'initdb',
      '-D',
      data,
      '-A',
      'trust',
      '-U',
      'postgres',
      '-E',
      'UTF8',
      '--no-locale',
      '--no-sync',
      ...(options.initdb ?? []),
    )
  else copyData(options.copyOf, data, { run, own })
  options.prepare?.(data, own)
  const port = await freePort()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  let running: ChildProcess | undefined

  const settings = [
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    'max_connections=100',
    ...(options.settings ?? []),
  ]

  async function start(): Promise<void> {
    for (let tries = 0; tries < 400; tries++) {
      // After a kill, the sessions of the old server must end first: until then a start fails.
      if (running === undefined || running.exitCode !== null)
        running = spawn(
          join(bin, 'postgres'),
          ['-D', data, '-p', String(port), ...settings.flatMap(one => ['-c', one])],
          {
            ...as,
            stdio: 'ignore',
            cwd: folder,
          },
        )
      if (await isReady(url)) return
      await delay(50)
    }
    throw new Error('PostgreSQL did not start')
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const child = running
    running = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }

  await start()
  return {
    url,
    data,
    query: text => queryOnce(url, text),
    start,
    // SIGINT ends the server's sessions and writes a checkpoint; SIGQUIT ends it as a crash.
    stop: () => end('SIGINT'),
    halt: () => end('SIGQUIT'),
    async crash() {
      await end('SIGQUIT')
      await start()
    },
    async kill() {
      await end('SIGKILL')
      await start()
    },
    async [Symbol.asyncDispose]() {
      await end('SIGQUIT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** As a backup does. A standby follows the server at `standbyOfPort`. */
function copyData(
  { url, standbyOfPort }: NonNullable<PostgresOptions['copyOf']>,
  data: string,
  { run, own }: { run: (program: string, ...args: string[]) => unknown; own: (path: string) => void },
): void {
  const { hostname, port } = new URL(url)
  run(
    'pg_basebackup',
    '-h',
    hostname,
    '-p',
    port,
    '-U',
    'postgres',
    '-D',
    data,
    '-c',
    'fast',
    '-X',
    'stream',
    '--no-sync',
  )
  if (standbyOfPort === undefined) return
  appendFileSync(
    join(data, 'postgresql.auto.conf'),
    `primary_conninfo = 'host=127.0.0.1 port=${standbyOfPort} user=postgres'\n`,
  )
  const signal = join(data, 'standby.signal')
  writeFileSync(signal, '')
  own(signal)
}

async function queryOnce(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

/** Whether the server accepts connections. */
async function isReady(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}
