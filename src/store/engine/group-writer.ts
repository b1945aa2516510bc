/** Writes groups of calls: forms a group, appends it to the log, folds it, and answers its calls. */
import type { FoldState } from '../../core/fold.ts'
import type { Log } from '../../core/log.ts'
import type { EventPublisher } from '../events.ts'
import type { Appender, Sent } from './appender.ts'
import type { Call } from './call.ts'
import { admitGroup, answersOf, type CallGroup, countedIn, countGroup, formGroup } from './group.ts'
import type { OwnFold } from './own-fold.ts'
import type { CommitQueue } from './queue.ts'

export interface GroupWriterOptions {
  readonly log: Pick<Log, 'leaveOut'>
  readonly state: FoldState
  readonly queue: Pick<CommitQueue, 'release'>
  readonly appender: Pick<Appender, 'append'>
  readonly ownFold: OwnFold
  readonly events: Pick<EventPublisher, 'publish'>
  /** Rejects calls that failed. */
  readonly refuse: (calls: readonly Call[], error: unknown) => void
}

/** A durable group of calls. `sent` is undefined if all attempts were duplicates, so that nothing was appended. */
export interface DurableGroup {
  readonly calls: CallGroup
  readonly sent: Sent | undefined
}

export interface GroupWriter {
  /**
   * Appends the attempts of `calls` that are not duplicates. Resolves with undefined if the calls are rejected, because the log refused the
   * group, or answered, because the group is in the spool.
   */
  write(calls: readonly Call[]): Promise<DurableGroup | undefined>
  /**
   * Folds the ids of a durable group. It must finish before the next group is formed, which must not contain the same ids. If groups of
   * other writers precede it, this folds them, then the group, and answers its calls. The result is then undefined.
   */
  admit(durable: DurableGroup): Promise<DurableGroup | undefined>
  /** Counts the attempts of an admitted group, and answers its calls. */
  count(durable: DurableGroup): void
}

export function createGroupWriter(options: GroupWriterOptions): GroupWriter {
  const { log, state, queue, appender, ownFold, events, refuse } = options

  function leaveOut(calls: CallGroup, position: string): void {
    const late = admitGroup(calls, state)
    if (late.length > 0) log.leaveOut(position, late)
  }

  function publish(calls: CallGroup): void {
    events.publish({ own: true, records: () => [...countedIn(calls)] })
  }

  function answer(calls: CallGroup): void {
    for (const [i, appended] of answersOf(calls).entries()) {
      const call = calls.calls[i]!
      queue.release(call)
      call.resolve(appended)
    }
  }

  async function foldBehindOthers(calls: CallGroup, sent: Sent): Promise<void> {
    try {
      // If the log is away, they are answered all the same: they are durable, and are folded when they can be read.
      await ownFold.takeBehind(sent, position => {
        leaveOut(calls, position)
        countGroup(calls, state)
        publish(calls)
      })
      answer(calls)
    } catch (error) {
      refuse(calls.calls, error)
    }
  }

  return {
    async write(calls) {
      const group = formGroup(calls, state.ids)
      const { records, attempts } = group
      if (attempts === 0) return { calls: group, sent: undefined }
      try {
        const sent = await appender.append({ records, attempts, isReset: false }, true)
        if (sent !== undefined) return { calls: group, sent }
        answer(group)
      } catch (error) {
        refuse(calls, error)
      }
      return undefined
    },
    async admit(durable) {
      const { calls, sent } = durable
      if (sent === undefined) return durable
      if (!ownFold.isNext(sent)) {
        await foldBehindOthers(calls, sent)
        return undefined
      }
      leaveOut(calls, sent.kept.position)
      return durable
    },
    count({ calls, sent }) {
      if (sent !== undefined) {
        ownFold.take(sent, () => countGroup(calls, state))
        publish(calls)
      }
      answer(calls)
    },
  }
}
