/** Counts false alarms of drift, as they are seen by a user who looks again and again. */
import { createAlarms } from './watched.ts'

/** An alarm that returns within this many attempts counts as the same one: its cause is still in the recent attempts. */
const RECENT = 100

export type Look = () => 'down' | 'up' | 'none' | undefined

export interface FalseAlarms {
  readonly attempts: number
  down: number
  up: number
}

/** The number of alarms in `runs` runs of `length` attempts, checked after every `every`th attempt. */
export function falseAlarms(
  { runs, length, every = 1 }: { readonly runs: number; readonly length: number; readonly every?: number },
  startRun: () => { next(n: number): void; readonly look: Look },
): FalseAlarms {
  const all = { attempts: runs * length, down: 0, up: 0 }
  for (let i = 0; i < runs; i++) {
    const { next, look } = startRun()
    const alarms = { down: createAlarms(RECENT / every), up: createAlarms(RECENT / every) }
    for (let n = 1; n <= length; n++) {
      next(n)
      if (n % every !== 0) continue
      const direction = look()
      alarms.down.look(direction === 'down')
      alarms.up.look(direction === 'up')
    }
    all.down += alarms.down.count
    all.up += alarms.up.count
  }
  return all
}

function oneIn(attempts: number, alarms: number): string {
  return alarms === 0 ? `none in ${attempts}` : `one in ${Math.round(attempts / alarms)}`
}

/** The measurement of a promise of at most one false alarm in `least` attempts in each direction. */
export function report({ attempts, down, up }: FalseAlarms, least: number): { measured: string; holds: boolean } {
  return {
    measured: `${oneIn(attempts, down)} (down) and ${oneIn(attempts, up)} (up)`,
    holds: Math.max(down, up) <= attempts / least,
  }
}
