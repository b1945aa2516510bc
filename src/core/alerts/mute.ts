/** Whether an alert is muted: listed, but not sent. */
import type { Alert, AlertMute } from './alert.ts'

/** Whether a mute that has not ended matches all its labels. The label `rule` is the name of the rule. */
export function isMuted(
  { rule, labels }: Pick<Alert, 'rule' | 'labels'>,
  mutes: readonly AlertMute[],
  nowMs: number,
): boolean {
  return mutes.some(
    mute =>
      (mute.untilMs === undefined || nowMs < mute.untilMs) &&
      [...mute.labels].every(([name, value]) => (name === 'rule' ? rule : labels.get(name)) === value),
  )
}
