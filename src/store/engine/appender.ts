/**
 * Appends a writer's groups: one is under way, it is sent again until it is answered, and nothing before it. So a lost answer is harmless, and
 * a log that lost groups in a failover gets them again.
 */
import { type Group, type Kept, type Log, LogBehind, LogRefused } from '../../core/log.ts'
import { type Clock, StoreUnavailable } from '../../core/ports.ts'
import type { Outage } from './outage.ts'
import type { Spooling } from './spooling.ts'

export interface Appender {
  /**
   * Numbers a group and appends it. Undefined where it went into the spool. Rejects with {@link LogRefused}, with {@link StoreUnavailable}, or
   * with the reason for which the outage was stopped. `canWait`: it may be spooled; any other group is spooled only if the log may have it.
   */
  append(group: Omit<Group, 'number'>, canWait: boolean): Promise<Sent | undefined>
  /** Asks again where a group that was acknowledged stands: the log may have lost it since. Rejects as the log does. */
  again(group: Group): Promise<Kept>
  /** Appends the acknowledged groups again that the log lost in a failover. No group may be under way. Rejects as the log does. */
  resend(): Promise<void>
}

/** A group that is durable. */
export interface Sent {
  readonly group: Group
  readonly kept: Kept
}

/** A log forgets a writer that it has not seen for a week. Sent again after that, a group would count twice. */
const RESEND_MS = 6 * 86_400_000

export interface AppenderOptions {
  readonly log: Pick<Log, 'append' | 'info'>
  readonly clock: Clock
  readonly outage: Pick<Outage, 'begin' | 'over'>
  /** Undefined without a spool: then a group waits for the end of the outage. */
  readonly spooling: Pick<Spooling, 'isOn' | 'put' | 'turnRefusal'> | undefined
}

export function createAppender({ log, clock, outage, spooling }: AppenderOptions): Appender {
  const recent = createRecentGroups(log.info.resendBytes, clock)
  let number = 0

  /** Appends a group, behind those that the log lost. */
  async function send(group: Group): Promise<Kept> {
    for (;;) {
      try {
        return await log.append(group)
      } catch (error) {
        if (!(error instanceof LogBehind)) throw error
        for (const one of recent.behind(error.number)) await send(one)
      }
    }
  }

  /** Undefined where the group went into the spool, because the log may have it. */
  async function untilAnswered(group: Group): Promise<Kept | undefined> {
    for (;;) {
      try {
        return await send(group)
      } catch (error) {
        if (error instanceof LogRefused) throw error
        outage.begin(error)
        if (await isSpooled(group)) return undefined
        await untilOver(outage)
      }
    }
  }

  /** False where the spool is full: then the group waits. */
  async function isSpooled(group: Group): Promise<boolean> {
    if (spooling === undefined) return false
    try {
      await spooling.put({ ...group, sentAs: { writer: log.info.writer, number: group.number } })
      return true
    } catch {
      return false
    }
  }

  async function append(given: Omit<Group, 'number'>, canWait: boolean): Promise<Sent | undefined> {
    if (spooling?.isOn === true) {
      if (!canWait) throw spooling.turnRefusal()
      await spooling.put(given)
      return undefined
    }
    const group: Group = { ...given, number: number + 1 }
    try {
      const kept = await untilAnswered(group)
      number++
      recent.add(group)
      if (kept !== undefined) return { group, kept }
      if (!canWait) throw unanswered()
    } catch (error) {
      if (spooling === undefined || !canWait || !(error instanceof LogRefused) || error.isFinal) throw error
      outage.begin(error)
      await spooling.put(given)
    }
    return undefined
  }

  async function resend(): Promise<void> {
    const last = recent.last()
    if (last === undefined) return
    try {
      await log.append(last)
    } catch (error) {
      if (!(error instanceof LogBehind)) throw error
      // The log has it. It does not say where if the group has expired.
      if (error.number >= last.number) return
      await send(last)
    }
  }

  return { append, again: send, resend }
}

/** Waits for the end of an outage. Rejects with {@link unanswered} if there is none: the store is closed, or can never append again. */
export async function untilOver(outage: Pick<Outage, 'over'>): Promise<void> {
  await outage.over().catch((cause: unknown) => {
    throw unanswered(cause)
  })
}

/** The rejection of a call whose attempts the log may or may not have. */
export function unanswered(cause?: unknown): StoreUnavailable {
  const detail = 'the log gave no answer: what was sent may be stored. Send it again with the same attempt_id'
  return new StoreUnavailable(detail, { cause, reason: 'unanswered' })
}

interface RecentGroups {
  add(group: Group): void
  /** The groups behind a number. Throws {@link LogRefused} where one of them is not stored any more. */
  behind(number: number): readonly Group[]
  /** The newest one. Undefined if there is none. */
  last(): Group | undefined
}

function createRecentGroups(maxBytes: number, clock: Clock): RecentGroups {
  const groups: (Group & { readonly sentMs: number })[] = []
  let bytes = 0
  const isRecent = ({ sentMs }: { readonly sentMs: number }): boolean => clock() - sentMs < RESEND_MS
  return {
    add(group) {
      if (maxBytes === 0) return
      // A copy: the memory of its records is used again.
      groups.push({ ...group, records: new Uint8Array(group.records), sentMs: clock() })
      bytes += group.records.length
      while (bytes > maxBytes && groups.length > 1) bytes -= groups.shift()!.records.length
    },
    last: () => groups.findLast(isRecent),
    behind(number) {
      const missing = groups.filter(group => group.number > number && isRecent(group))
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
