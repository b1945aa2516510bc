/** Moments at which a sidecar is killed: any time, or when a certain file comes into being. */
import { watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/core/statistics/random.ts'
import { end, type Spawned } from './spawned.ts'

export interface Moment {
  readonly name: string
  /** While it starts: nobody waits until it is ready. */
  readonly atStart?: boolean
  /** It is told to stop first. */
  readonly draining?: boolean
  /** It is under so much load that segments and snapshots are due. */
  readonly heavy?: boolean
  /** The file whose appearance is waited for, in the journal's directory or beside the document. */
  readonly file?: RegExp
  /** How many files of that name must have been seen: 1. */
  readonly files?: number
}

/** Names as the store gives them: a name it no longer uses shows as a moment that never comes. */
export const MOMENTS: readonly Moment[] = [
  { name: 'at any time' },
  { name: 'while it starts', atStart: true },
  { name: 'while it drains', draining: true },
  { name: 'when a segment begins', file: /^\d{20}\.ndjson$/ },
  { name: 'while the document is written', file: /^document\.json/ },
  { name: 'when the document is put in its place', file: /^agent_performance\.json$/ },
  { name: 'while the last snapshot is written', draining: true, file: /^snapshot-\d+\.bin\.\d+$/ },
  { name: 'when the last snapshot is put in its place', draining: true, file: /^snapshot-\d+\.bin$/ },
]

/** Moments that need much to be written before they come. */
export const HEAVY_MOMENTS: readonly Moment[] = [
  { name: 'when a full segment is followed by the next', heavy: true, file: /^\d{20}\.ndjson$/, files: 2 },
  { name: 'while a snapshot is written under load', heavy: true, file: /^snapshot-\d+\.bin\.\d+$/ },
]

/** A moment that does not come is waited for no longer than this. */
const PATIENCE_MS = 4000
const HEAVY_PATIENCE_MS = 15_000

/** Kills the sidecar at the moment; resolves when it is gone, with whether the moment came. */
export async function killAt(moment: Moment, sidecar: Spawned, store: string, random: Random): Promise<boolean> {
  const seen = moment.file === undefined ? undefined : appearance(moment, store, random)
  if (moment.draining) {
    await pause(50 + random() * 300)
    sidecar.process.kill('SIGTERM')
  }
  const patience = pause(moment.heavy ? HEAVY_PATIENCE_MS : PATIENCE_MS, false, { ref: false })
  const came = await Promise.race([seen?.came ?? anyTime(moment, random), patience, sidecar.ended.then(() => false)])
  seen?.close()
  // At once, or somewhat into what it does with the file.
  if (seen !== undefined && random() < 0.7) await pause(random() * 4)
  return (await kill(sidecar)) && came
}

function anyTime({ atStart, draining }: Moment, random: Random): Promise<true> {
  return pause(random() * (atStart ? 400 : draining ? 40 : 600), true as const)
}

/** True where it was the kill that ended it. */
async function kill(sidecar: Spawned): Promise<boolean> {
  return (await end(sidecar, 'SIGKILL')) === 'SIGKILL'
}

/** Watches both directories for such a file, and now and then goes on to a later change of it. */
function appearance(
  { file, files = 1 }: Moment,
  store: string,
  random: Random,
): { readonly came: Promise<true>; close(): void } {
  const names = new Set<string>()
  let more = Math.floor(random() * 3)
  const came = Promise.withResolvers<true>()
  const watchers = [dirname(store), store.replace(/\.json$/, '.journal')].map(directory =>
    watch(directory, (_event, name) => {
      if (name === null || !file?.test(name)) return
      if (names.add(name).size >= files && more-- <= 0) came.resolve(true)
    }),
  )
  return {
    came: came.promise,
    close() {
      for (const watcher of watchers) watcher.close()
    },
  }
}

/** The files of a store that only damage brings about. */
export const isSignOfDamage = (path: string): boolean => /\.(corrupt|foreign)-/.test(basename(path))
