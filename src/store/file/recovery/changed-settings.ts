/** What a start logs where its settings are others than those that the store was left with. */
import { OVERFLOW_KEY } from '../../../core/aggregate/tally.ts'
import type { Found, StartOptions } from './start.ts'

/** Logs one line a setting: what changed, and what that means. */
export function logChangedSettings({ tally, log }: StartOptions, { changes = [] }: Found): void {
  const { maxKeys, maxArms } = tally.limits
  const keys = tally.keys().length - tally.keys(OVERFLOW_KEY).length
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
