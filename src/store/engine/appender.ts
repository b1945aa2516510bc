/**
 * Appends a writer's groups: one is under way, it is sent again until it is answered, and nothing before it. So a lost answer is harmless, and
 * a log that lost groups in a failover gets them again.
 */
import { type Group, type Kept, type Log, LogBehind, LogRefused } from '../../core/log.ts'
import type { Outage } from './outage.ts'

export interface Appender {
  /** Numbers a group and appends it. Rejects with {@link LogRefused}, or with the reason for which the outage was stopped. */
  append(group: Omit<Group, 'number'>): Promise<Sent>
  /** Asks again where a group that was acknowledged stands: the log may have lost it since. */
  again(group: Group): Promise<Kept>
}

/** A group that is durable. */
export interface Sent {
  readonly group: Group
  readonly kept: Kept
}

export function createAppender(log: Pick<Log, 'append' | 'info'>, outage: Pick<Outage, 'begin' | 'over'>): Appender {
  const recent = createRecentGroups(log.info.resendBytes)
  let number = 0

  async function untilAnswered(group: Group): Promise<Kept> {
    for (;;) {
      try {
        return await log.append(group)
      } catch (error) {
        if (error instanceof LogRefused) throw error
        if (error instanceof LogBehind) for (const one of recent.behind(error.number)) await untilAnswered(one)
        else {
          outage.begin(error)
          await outage.over()
        }
      }
    }
  }

  return {
    async append(given) {
      const group: Group = { ...given, number: number + 1 }
      const kept = await untilAnswered(group)
      number++
      recent.add(group)
      return { group, kept }
    },
    again: untilAnswered,
  }
}

interface RecentGroups {
  add(group: Group): void
  /** The groups behind a number; throws where one of them is not there any more. */
  behind(number: number): readonly Group[]
}

function createRecentGroups(maxBytes: number): RecentGroups {
  const groups: Group[] = []
  let bytes = 0
  return {
    add(group) {
      if (maxBytes === 0) return
      // A copy: the memory of its records is used again.
      groups.push({ ...group, records: Uint8Array.from(group.records) })
      bytes += group.records.length
      while (bytes > maxBytes && groups.length > 1) bytes -= groups.shift()!.records.length
    },
    behind(number) {
      const missing = groups.filter(group => group.number > number)
      if (missing[0]?.number === number + 1) return missing
      const last = missing[0] === undefined ? 'all' : `up to ${missing[0].number - 1}`
      throw new LogRefused(
        `the log lost this process's groups behind ${number}, of which ${last} cannot be sent again: restart`,
        {
          isFinal: true,
        },
      )
    },
  }
}
