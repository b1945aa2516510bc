/** The state of the newest snapshot of a log that can be read. */
import { createDedupWindow } from '../../core/aggregate/dedup-window.ts'
import { applyLimits, type FoldState } from '../../core/fold.ts'
import type { Log, Position, StoredSnapshot } from '../../core/log.ts'
import { createEventLoopYield } from '../../lib/event-loop.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { decodeState } from '../snapshot/decode.ts'

/** Replaces the state; answers the position it has. Without a snapshot that is the start of the log, and the state is empty. */
export async function restoreSnapshot(log: Log, state: FoldState, logger: Logger): Promise<Position> {
  for (const snapshot of await log.snapshots()) {
    clear(state, log)
    try {
      await decode(snapshot, state, log)
      return snapshot.position
    } catch (error) {
      logger.error('a snapshot cannot be read: an older one is used', {
        position: snapshot.position,
        error: messageOf(error),
      })
    }
  }
  clear(state, log)
  return log.info.start
}

function clear(state: FoldState, { info }: Log): void {
  const { limits, seed } = info
  state.tally.clear()
  state.tally.times.reshape(state.tally.wantedTiers)
  state.series.restore(Number.NEGATIVE_INFINITY, [])
  state.alerts.clear()
  state.ids = createDedupWindow({ limit: limits.idWindow, keepMs: limits.idWindowAgeMs, seed })
  applyLimits(state, limits)
}

async function decode(snapshot: StoredSnapshot, state: FoldState, { info }: Log): Promise<void> {
  const { idWindow, idWindowAgeMs } = info.limits
  const decoder = decodeState(state.tally, state.series, { limit: idWindow, keepMs: idWindowAgeMs })
  const pause = createEventLoopYield()
  let step = decoder.next()
  for await (const block of snapshot.blocks()) {
    if (step.done === true) throw new RangeError('it goes on behind its end')
    step = decoder.next(block)
    await pause()
  }
  if (step.done !== true) throw new RangeError('it ends too early')
  state.ids = step.value.ids
  for (const [alert, sinceMs] of step.value.alerts) state.alerts.set(alert, sinceMs)
}
