/** The stores that several sidecars may share, each on a real server of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missingPostgres, startPostgres } from '../support/postgres.ts'
import { missingRedis, startRedis } from '../support/redis.ts'

export interface SharedStore extends AsyncDisposable {
  /** For `--store`. */
  readonly target: string
  /** Kills the server with SIGKILL, and starts it again. Undefined for a store without a server. */
  readonly kill: (() => Promise<void>) | undefined
}

interface Kind {
  /** Why it cannot be started here. Undefined where it can. */
  missing(): string | undefined
  start(): Promise<SharedStore>
}

export type SharedStoreName = 'sqlite' | 'postgres' | 'redis'

export const SHARED_STORES: Readonly<Record<SharedStoreName, Kind>> = {
  sqlite: {
    missing: () => undefined,
    async start() {
      const folder = await mkdtemp(join(tmpdir(), 'agent-performance-chaos-'))
      return {
        target: `sqlite:${join(folder, 'attempts.db')}`,
        kill: undefined,
        [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
      }
    },
  },
  postgres: {
    missing: missingPostgres,
    async start() {
      const server = await startPostgres()
      return { target: server.url, kill: server.kill, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
    },
  },
  redis: {
    missing: missingRedis,
    async start() {
      const server = await startRedis()
      return { target: server.url, kill: server.crash, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
    },
  },
}

export const isSharedStore = (name: string): name is SharedStoreName => Object.hasOwn(SHARED_STORES, name)
