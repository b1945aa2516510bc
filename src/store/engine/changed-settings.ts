/** Logs at a start how the settings differ from the stored state. */
import type { Tally } from '../../core/aggregate/tally.ts'
import type { Logger } from '../logger.ts'

/** Logs one line for each setting that differs. `changes` are what restoring the state reported. */
export function logChangedSettings(tally: Tally, changes: readonly string[], log: Logger): void {
  const { keyCount: keys, currentLimits } = tally
  const { maxKeys, maxArms } = currentLimits
  const arms = tally.arms().length
  for (const change of changes) log.warn(change)
  if (keys > maxKeys)
    log.warn(
      `max-keys ${maxKeys} is below the ${keys} keys held: these go on counting, and no new keys are counted on their own`,
    )
  if (arms > maxArms)
    log.warn(
      `max-arms ${maxArms} is below the ${arms} arms held: these go on counting, and new arms count under overflow arms`,
    )
}
