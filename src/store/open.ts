/** Opens the store that `--store` names. */
import { createTally, type Tally } from '../core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../core/aggregate/time-tiers.ts'
import type { Log } from '../core/log.ts'
import type { StoreMetric } from '../core/store-metrics.ts'
import type { Backend, BackendOptions, OpenStore, ReadableStore } from './backend.ts'
import { FILE_BACKEND } from './file/backend.ts'
import { FILE_METRICS } from './file/metrics.ts'
import { SPOOL_METRICS } from './spool/metrics.ts'

/**
 * One line for each kind of store: the schemes of its targets, undefined for a path, and its backend. A backend with a driver is loaded
 * only if it is used, because the driver enlarges the heap. With a larger heap, more garbage of requests accumulates between collections.
 */
const BACKENDS: readonly (readonly [schemes: readonly (string | undefined)[], load: () => Promise<Backend>])[] = [
  [[undefined], async () => FILE_BACKEND],
  [['sqlite'], async () => (await import('./sqlite/backend.ts')).SQLITE_BACKEND],
  [['postgres', 'postgresql'], async () => (await import('./postgres/backend.ts')).POSTGRES_BACKEND],
  [['redis', 'rediss'], async () => (await import('./redis/backend.ts')).REDIS_BACKEND],
]

/** By default, `clock` is the system clock, ids age by the monotonic clock of the process, and the tally has the documented limits. */
export type OpenStoreOptions = Partial<BackendOptions>

/** The metrics of all kinds of stores, in the order they are exposed. */
export const STORE_METRICS: readonly StoreMetric[] = [...FILE_METRICS, ...SPOOL_METRICS]

/** The default tally of a store, with the documented limits. */
export function defaultTally(): Tally {
  return createTally({ maxKeys: 10_000, maxArms: 1000, tiers: DEFAULT_TIERS })
}

/** Opens the store at `target`. Rejects with an error that names the reason. */
export async function openStore(target: string, options: OpenStoreOptions = {}): Promise<OpenStore> {
  return await (await backendOf(target)).open(target, {
    ...options,
    tally: options.tally ?? defaultTally(),
    clock: options.clock ?? Date.now,
    monotonic: options.monotonic ?? (options.clock === undefined ? () => performance.now() : undefined),
  })
}

/** Rejects with the error of {@link openStore} if `target` cannot be opened. Changes nothing. */
export async function checkStore(target: string): Promise<void> {
  await (await backendOf(target)).check(target)
}

/**
 * Opens the store at `target` for questions only. It changes no file, takes no lock, and works while another process writes the store. Logs
 * faults as warnings. Rejects if there is no store, or if it cannot be read.
 */
export async function openStoreToRead(
  target: string,
  { clock = Date.now, log }: Pick<OpenStoreOptions, 'clock' | 'log'> = {},
): Promise<ReadableStore> {
  return await (await backendOf(target)).openToRead(target, { createTally: defaultTally, clock, log })
}

/** Opens the log of what `target` names, without an engine: for a copy or a document that becomes its beginning. */
export async function openLog(target: string, options: Pick<BackendOptions, 'tally' | 'ids' | 'log'>): Promise<Log> {
  return await (await backendOf(target)).openLog(target, { ...options, clock: Date.now })
}

/** Never treats a URL as a path, because that would create a file whose name contains the password. */
async function backendOf(target: string): Promise<Backend> {
  const [, stated, slashes] = /^([a-z][a-z0-9+.-]*):(\/\/)?/i.exec(target) ?? []
  const scheme = stated?.toLowerCase()
  const named = BACKENDS.find(([schemes]) => scheme !== undefined && schemes.includes(scheme))
  if (named === undefined && slashes !== undefined) throw new UnsupportedStore(scheme!)
  // A name before a colon that is no scheme is a part of a path.
  const [, load] = named ?? BACKENDS.find(([schemes]) => schemes.includes(undefined))!
  return await load()
}

/** A kind of store that this version cannot open. */
export class UnsupportedStore extends Error {
  override readonly name = 'UnsupportedStore'
  readonly exitCode = 78

  constructor(scheme: string) {
    super(
      `this version cannot store attempts in ${scheme}: give --store a path, sqlite:PATH, postgres://… or redis://…`,
    )
  }
}
