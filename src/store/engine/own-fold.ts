/** Folds groups of this writer that are durable, behind what other writers appended before them. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Kept } from '../../core/log.ts'
import type { Appender, Sent } from './appender.ts'
import type { Follower, OwnGroup } from './follower.ts'
import type { Outage } from './outage.ts'

/** How often a group is looked for that the log has and does not show yet, and how long before that is reported as a failure. */
export interface CatchUpTimes {
  readonly pollMs: number
  readonly stuckMs: number
}

export const CATCH_UP_TIMES: CatchUpTimes = { pollMs: 20, stuckMs: 30_000 }

export interface OwnFoldOptions {
  readonly appender: Pick<Appender, 'again'>
  readonly follower: Follower
  readonly outage: Pick<Outage, 'begin' | 'over'>
  readonly times: CatchUpTimes
}

export interface OwnFold {
  /** Whether nothing stands before the group that is not folded. */
  isNext(sent: Sent): boolean
  /** Folds a group that is next. */
  take(sent: Sent, fold: OwnGroup['fold']): void
  /** Folds what other writers appended before a group, and then that one. Rejects where the store is closed before. */
  takeBehind(sent: Sent, fold: OwnGroup['fold']): Promise<void>
}

export function createOwnFold({ appender, follower, outage, times }: OwnFoldOptions): OwnFold {
  const take = ({ group, kept }: Sent, fold: OwnGroup['fold']): void =>
    follower.take({ number: group.number, fold }, kept, group.records.length)

  async function takeBehind({ group, kept: first }: Sent, fold: OwnGroup['fold']): Promise<void> {
    const fromMs = performance.now()
    let isFolded = false
    const foldOnce: OwnGroup['fold'] = position => {
      fold(position)
      isFolded = true
    }
    for (let kept: Kept = first; ; kept = await appender.again(group)) {
      if (follower.isNext(kept)) return take({ group, kept }, foldOnce)
      try {
        if (await follower.catchUp({ number: group.number, fold: foldOnce })) return
        // The log does not show it yet, or has lost it since: it is asked for again.
        if (performance.now() - fromMs > times.stuckMs)
          throw new Error(`the log is missing groups behind ${follower.position}`)
        await delay(times.pollMs)
      } catch (error) {
        // The read failed behind the group. Reading on would not meet it again, so its call would never be answered.
        if (isFolded) return
        outage.begin(error)
        await outage.over()
      }
    }
  }

  return { isNext: ({ kept }) => follower.isNext(kept), take, takeBehind }
}
