/** Warns the operator before keys or arms of experiments reach their limit, beyond which attempts count together. */
import type { Logger } from 'pino'
import type { Tally } from '../core/aggregate/tally.ts'

/** How often the sizes are compared with the limits. A check per attempt is not needed: a late warning loses nothing. */
const INTERVAL_MS = 2000
/** The fraction of a limit at which the first warning is logged. */
const NEARLY_FULL = 0.8

export interface FillOptions {
  readonly tally: Pick<Tally, 'keyCount' | 'arms' | 'currentLimits'>
  readonly log: Pick<Logger, 'warn'>
}

export interface FillWatch {
  close(): void
}

/**
 * Logs once when 80 % of a limit are in use, and once when it is reached. After a reset both may be logged again. Does not keep the process
 * alive.
 */
export function watchFill({ tally, log }: FillOptions): FillWatch {
  const keys = createLevel({
    nearly: 'most of the keys that --max-keys allows are in use',
    full: 'all keys that --max-keys allows are in use: attempts of further ones count under __overflow__. Raise --max-keys and restart, and look for names that hold ids or times',
  })
  const arms = createLevel({
    nearly: 'most of the arms of experiments that --max-arms allows are in use',
    full: 'all arms of experiments that --max-arms allows are in use: attempts of further ones count in everything but experiments. Raise --max-arms and restart',
  })
  function check(): void {
    const { maxKeys, maxArms } = tally.currentLimits
    keys(tally.keyCount, maxKeys, log)
    arms(tally.arms().length, maxArms, log)
  }
  check()
  const timer = setInterval(check, INTERVAL_MS).unref()
  return { close: () => clearInterval(timer) }
}

/** A function that compares a size with its limit, and logs when the size rises past a level. */
function createLevel(messages: {
  readonly nearly: string
  readonly full: string
}): (used: number, limit: number, log: FillOptions['log']) => void {
  let reached: 'none' | 'nearly' | 'full' = 'none'
  return (used, limit, log) => {
    const level = used >= limit ? 'full' : used >= limit * NEARLY_FULL ? 'nearly' : 'none'
    if (level !== reached && level !== 'none' && reached !== 'full') log.warn({ used, limit }, messages[level])
    reached = level
  }
}
