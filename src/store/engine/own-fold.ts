/** Folds durable groups of this writer, after the groups that other writers appended before them. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Kept, LogRefused, type Position } from '../../core/log.ts'
import { type Appender, type Sent, untilOver } from './appender.ts'
import type { Follower, OwnGroup } from './follower.ts'
import type { Outage } from './outage.ts'

/** A read of a log may not return a stored group yet. How often to read again, and after how long to report a failure, in milliseconds. */
export interface CatchUpTimes {
  readonly pollMs: number
  readonly stuckMs: number
}

export const CATCH_UP_TIMES: CatchUpTimes = { pollMs: 20, stuckMs: 30_000 }

export interface OwnFoldOptions {
  readonly appender: Pick<Appender, 'again'>
  readonly follower: Follower
  readonly outage: Pick<Outage, 'begin' | 'over'>
  /** Whether a group may be folded later than its calls are answered: there is a spool, so that new groups need not wait. */
  readonly canWait: boolean
  readonly times: CatchUpTimes
}

export interface OwnFold {
  /** Whether all groups before this one are folded. */
  isNext(sent: Sent): boolean
  /** Folds a group. It must be the next group. */
  take(sent: Sent, fold: OwnGroup['fold']): void
  /**
   * Folds the groups of other writers that precede a group, and then the group. False if the log is away: the group is durable, and is folded
   * when it is read. Rejects if the store is closed first.
   */
  takeBehind(sent: Sent, fold: OwnGroup['fold']): Promise<boolean>
}

export function createOwnFold({ appender, follower, outage, canWait, times }: OwnFoldOptions): OwnFold {
  const take = ({ group, kept }: Sent, fold: OwnGroup['fold']): void =>
    follower.take({ number: group.number, fold }, kept, group.records.length)

  async function takeBehind({ group, kept: first }: Sent, foldGroup: OwnGroup['fold']): Promise<boolean> {
    const fromMs = performance.now()
    let isFolded = false
    function fold(position: Position): void {
      foldGroup(position)
      isFolded = true
    }
    for (let kept: Kept | undefined = first; ; ) {
      try {
        kept ??= await appender.again(group)
        if (follower.isNext(kept)) {
          take({ group, kept }, fold)
          return true
        }
        kept = undefined
        if (await follower.catchUp({ number: group.number, fold })) return true
        // The read did not return the group yet, or the log has lost it since. Append it again.
        if (performance.now() - fromMs > times.stuckMs)
          throw new Error(`the log is missing groups after ${follower.position}`)
        await delay(times.pollMs)
      } catch (error) {
        // The log lost the group since, and does not take it again.
        if (error instanceof LogRefused) throw error
        outage.begin(error)
        // The read failed after the group, which no later read returns again.
        if (isFolded) return true
        if (canWait) return false
        await untilOver(outage)
      }
    }
  }

  return { isNext: ({ kept }) => follower.isNext(kept), take, takeBehind }
}
