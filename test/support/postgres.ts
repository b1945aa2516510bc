/**
 * A PostgreSQL server for tests: the one that `AGENT_PERFORMANCE_TEST_POSTGRES` names, or one of an installed package, started on a free port
 * with its files in a temporary folder. Root starts it as the user `postgres`, because the server refuses to run as root.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './free-port.ts'

const PACKAGES = '/usr/lib/postgresql'

export interface PostgresServer extends AsyncDisposable {
  /** The URL of the database `postgres`. */
  readonly url: string
  /** Ends the server as a crash does, and starts it again. */
  crash(): Promise<void>
  stop(): Promise<void>
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

export async function startPostgres(): Promise<PostgresServer> {
  const given = process.env.AGENT_PERFORMANCE_TEST_POSTGRES
  if (given !== undefined) {
    const none = async (): Promise<void> => undefined
    return { url: given, crash: none, stop: none, start: none, [Symbol.asyncDispose]: none }
  }
  const folder = mkdtempSync(join(tmpdir(), 'agent-performance-postgres-'))
  const bin = binaries()!
  const owner = process.getuid?.() === 0 ? userId()! : undefined
  if (owner !== undefined) chownSync(folder, ...owner)
  const as = owner === undefined ? {} : { uid: owner[0], gid: owner[1] }
  const data = join(folder, 'data')
  execFileSync(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--no-locale'], {
    ...as,
    stdio: 'ignore',
    cwd: folder,
  })
  const port = await freePort()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  let running: ChildProcess | undefined

  async function start(): Promise<void> {
    running = spawn(
      join(bin, 'postgres'),
      [
        '-D',
        data,
        '-p',
        String(port),
        '-c',
        'listen_addresses=127.0.0.1',
        '-c',
        `unix_socket_directories=${folder}`,
        '-c',
        'max_connections=100',
      ],
      { ...as, stdio: 'ignore', cwd: folder },
    )
    for (let tries = 0; tries < 400; tries++) {
      try {
        execFileSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
        return
      } catch {
        await delay(50)
      }
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
    start,
    // SIGINT ends the server's sessions and writes a checkpoint; SIGQUIT ends it as a crash.
    stop: () => end('SIGINT'),
    async crash() {
      await end('SIGQUIT')
      await start()
    },
    async [Symbol.asyncDispose]() {
      await end('SIGQUIT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
