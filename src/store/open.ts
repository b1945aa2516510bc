/** From `--store` to an open store. */

import { createTally, type Tally } from '../core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../core/aggregate/time-tiers.ts'
import type { Clock, ObservedStore, Store } from '../core/ports.ts'
import type { StoreMetric } from '../core/store-metrics.ts'
import type { KeptEvents } from './events.ts'
import { openFileStore } from './file/file-store.ts'
import { FILE_METRICS } from './file/metrics.ts'
import { checkPlace } from './file/place.ts'
import { openFileReader } from './file/reader.ts'
import type { Logger } from './logger.ts'

export interface OpenStoreOptions {
  readonly clock?: Clock
  /** A clock that never jumps, by which ids age: that of the process, unless `clock` is given. */
  readonly monotonic?: Clock
  readonly log?: Logger
  readonly tally?: Tally
  /** Ids of attempts that are remembered, and for how long. */
  readonly ids?: { readonly limit: number; readonly keepMs: number }
  readonly retention?: { readonly maxAgeMs: number; readonly maxBytes: number }
  /** Attempts that may wait for the disk. */
  readonly maxPendingAttempts?: number
}

/** A store that tells of itself and of what it keeps. */
export interface OpenStore extends ObservedStore {
  readonly events: KeptEvents
}

/** The metrics of all kinds of stores, in the order they are exposed. */
export const STORE_METRICS: readonly StoreMetric[] = FILE_METRICS

/** The tally of a store that was given none: the documented bounds. */
export function defaultTally(): Tally {
  return createTally({ maxKeys: 10_000, maxArms: 1000, tiers: DEFAULT_TIERS })
}

/** Opens what `target` names: a path of the documented JSON file. Rejects with an error that says what is wrong with it. */
export async function openStore(target: string, options: OpenStoreOptions = {}): Promise<OpenStore> {
  refuseUnsupported(target)
  return openFileStore({
    ...options,
    path: target,
    tally: options.tally ?? defaultTally(),
    clock: options.clock ?? Date.now,
    monotonic: options.monotonic ?? (options.clock === undefined ? () => performance.now() : undefined),
  })
}

/** Rejects with the error that {@link openStore} would reject with for reasons that lie in `target`; changes nothing. */
export async function checkStore(target: string): Promise<void> {
  refuseUnsupported(target)
  await checkPlace(target)
}

/**
 * Opens what `target` names for questions only: it changes no file, takes no lock, and works beside a process that writes the store. Faults
 * that it finds go to the log as warnings. Rejects where there is no store, or it cannot be read.
 */
export async function openStoreToRead(
  target: string,
  { clock = Date.now, log }: Pick<OpenStoreOptions, 'clock' | 'log'> = {},
): Promise<Store> {
  refuseUnsupported(target)
  return openFileReader({ path: target, createTally: defaultTally, clock, log })
}

/** A URL is never taken for a path: a file would be made whose name holds its password. */
function refuseUnsupported(target: string): void {
  const scheme = /^(?:(sqlite|postgres|postgresql|redis|rediss):|([a-z][a-z0-9+.-]*):\/\/)/i.exec(target)
  if (scheme !== null) throw new UnsupportedStore((scheme[1] ?? scheme[2]!).toLowerCase())
}

/** A kind of store that this version cannot open. */
export class UnsupportedStore extends Error {
  override readonly name = 'UnsupportedStore'
  readonly exitCode = 78

  constructor(scheme: string) {
    super(`this version keeps attempts in a file only: ${scheme}: is not supported yet; give --store a path`)
  }
}
