/** Kill points: when a sidecar is killed. At a random time, or when a certain file appears. */
import { watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/core/statistics/random.ts'
import { end, type Spawned } from './spawned.ts'

export interface KillPoint {
  readonly name: string
  /** Kills during the start, without waiting for readiness. */
  readonly atStart?: boolean
  /** Sends SIGTERM first, and kills while the sidecar stops. */
  readonly draining?: boolean
  /** Sends enough load to fill segments and trigger snapshots. */
  readonly heavy?: boolean
  /** Kills when a file of this name appears in the journal's directory or beside the document. */
  readonly file?: RegExp
  /** The number of distinct such files that must appear first. 1 by default. */
  readonly files?: number
}

/** File names must match those of the store. A name that the store no longer uses is never hit. */
export const KILL_POINTS: readonly KillPoint[] = [
  { name: 'at any time' },
  { name: 'while it starts', atStart: true },
  { name: 'while it drains', draining: true },
  { name: 'when a segment is created', file: /^\d{20}\.ndjson$/ },
  { name: 'while the document is written', file: /^document\.json/ },
  { name: 'when the document is renamed into place', file: /^agent_performance\.json$/ },
  { name: 'while the last snapshot is written', draining: true, file: /^snapshot-\d+\.bin\.\d+$/ },
  { name: 'when the last snapshot is renamed into place', draining: true, file: /^snapshot-\d+\.bin$/ },
]

/** Kill points that need much data to be written first. */
export const HEAVY_KILL_POINTS: readonly KillPoint[] = [
  { name: 'when a segment is full and the next one is created', heavy: true, file: /^\d{20}\.ndjson$/, files: 2 },
  { name: 'while a snapshot is written under load', heavy: true, file: /^snapshot-\d+\.bin\.\d+$/ },
]

/** How long to wait for a kill point before killing anyway. */
const TIMEOUT_MS = 4000
const HEAVY_TIMEOUT_MS = 15_000

/** Kills the sidecar at the kill point, or after a timeout. Resolves when it is gone, with whether the kill point was hit. */
export async function killAt(point: KillPoint, sidecar: Spawned, store: string, random: Random): Promise<boolean> {
  const watched = point.file === undefined ? undefined : watchFile(point, store, random)
  if (point.draining) {
    await pause(50 + random() * 300)
    sidecar.process.kill('SIGTERM')
  }
  const timeout = pause(point.heavy ? HEAVY_TIMEOUT_MS : TIMEOUT_MS, false, { ref: false })
  const reached = watched?.appeared ?? randomTime(point, random)
  const isHit = await Promise.race([reached, timeout, sidecar.ended.then(() => false)])
  watched?.close()
  // Sometimes kills a little later, while the sidecar works on the file.
  if (watched !== undefined && random() < 0.7) await pause(random() * 4)
  return (await kill(sidecar)) && isHit
}

function randomTime({ atStart, draining }: KillPoint, random: Random): Promise<true> {
  return pause(random() * (atStart ? 400 : draining ? 40 : 600), true as const)
}

/** Resolves with whether SIGKILL ended the process, and not an exit before it. */
async function kill(sidecar: Spawned): Promise<boolean> {
  return (await end(sidecar, 'SIGKILL')) === 'SIGKILL'
}

/** Watches both directories for the file. Skips up to two later changes of it at random. */
function watchFile(
  { file, files = 1 }: KillPoint,
  store: string,
  random: Random,
): { readonly appeared: Promise<true>; close(): void } {
  const names = new Set<string>()
  let skip = Math.floor(random() * 3)
  const appeared = Promise.withResolvers<true>()
  const watchers = [dirname(store), store.replace(/\.json$/, '.journal')].map(directory =>
    watch(directory, (_event, name) => {
      if (name === null || !file?.test(name)) return
      if (names.add(name).size >= files && skip-- <= 0) appeared.resolve(true)
    }),
  )
  return {
    appeared: appeared.promise,
    close() {
      for (const watcher of watchers) watcher.close()
    },
  }
}

/** Whether a file of this name exists only after damage. */
export const isSignOfDamage = (path: string): boolean => /\.(corrupt|foreign)-/.test(basename(path))
