/**
 * Puts groups into the spool while the log is away, and appends them in order when it is back. New groups go behind them until the spool is
 * empty. Spooled attempts are in no answer before the log has them: the state stays the fold of the log.
 */
import { type Group, type Kept, type Log, LogBehind } from '../../core/log.ts'
import { type Advisory, StoreUnavailable } from '../../core/ports.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import type { Follower } from './follower.ts'
import type { Outage } from './outage.ts'
import { derivedWriter, type GroupToSpool, type Spool, type SpooledGroup, type SpoolStats } from './spool.ts'

/** How long groups are appended before new attempts get their turn, in milliseconds. */
const SLICE_MS = 50
/** The part of the spool at which the operator is warned. */
const NEARLY_FULL = 0.8
/** Room for the groups that are under way when attempts begin to be refused. */
const RESERVE_BYTES = 2 * 1024 * 1024

export interface SpoolingOptions {
  readonly spool: Spool
  readonly log: Pick<Log, 'append' | 'info'>
  readonly logger: Logger
  readonly outage: Pick<Outage, 'error' | 'isFinal' | 'begin'>
  readonly follower: Pick<Follower, 'catchUp'>
  readonly between: <T>(work: () => Promise<T>) => Promise<T>
  /** Appends a group of this opening's writer, behind its recent groups that the log lost. */
  readonly appendOwn: (group: Group) => Promise<Kept>
}

export interface Spooling {
  /** Whether groups go into the spool: the log is away, or does not have all of the spooled ones yet. */
  readonly isOn: boolean
  readonly stats: SpoolStats
  isOwn(writer: string): boolean
  /** Why no more attempts can be spooled. Undefined if they can. */
  refusal(): StoreUnavailable | undefined
  /** Why plans, outcomes and resets cannot be stored. Undefined if they can. */
  turnRefusal(): StoreUnavailable | undefined
  /** The group is durable when this resolves. Rejects with {@link StoreUnavailable} if it is not stored. */
  put(group: GroupToSpool): Promise<void>
  /** From now on, groups go behind those that an earlier process spooled, which are appended first. */
  start(): void
  /** Appends the spooled groups to the log, in the background. */
  drain(): void
  /** Present while the spool holds attempts. */
  advisory(): Advisory | undefined
  /** Appends no more spooled groups: the next start does. */
  stop(): void
  close(): Promise<void>
}

/** It is long because its functions share what was reported. */
export function createSpooling(options: SpoolingOptions): Spooling {
  const { spool, log, logger, outage, follower, between, appendOwn } = options
  const reserve = Math.min(RESERVE_BYTES, spool.maxBytes / 10)
  let reported: 'none' | 'begun' | 'nearly full' | 'full' = 'none'
  let draining: Promise<void> | undefined
  let isStarted = false
  let isClosed = false

  function isFull(): boolean {
    return !spool.hasRoom(reserve)
  }

  /** Each of them once until the spool is empty. */
  function report(): void {
    const { bytes } = spool.stats
    const detail = { spool_bytes: bytes, max_bytes: spool.maxBytes }
    if (reported === 'none') {
      logger.warn('the log is away: attempts are kept in the spool until it is back', detail)
      reported = 'begun'
    }
    if (reported === 'begun' && bytes >= NEARLY_FULL * spool.maxBytes) {
      logger.warn('the spool is 80 % full', detail)
      reported = 'nearly full'
    }
    if (reported !== 'full' && isFull()) {
      logger.error('the spool is full: attempts are refused until the log is back', detail)
      reported = 'full'
    }
  }

  async function put(group: GroupToSpool): Promise<void> {
    if (!spool.hasRoom(group.records.length)) throw full()
    try {
      await spool.put(group)
    } catch (error) {
      throw new StoreUnavailable(`the log is away, and the spool cannot be written: ${messageOf(error)}`, {
        cause: error,
      })
    }
    report()
  }

  async function drainAll(): Promise<void> {
    let drained = 0
    while (!isClosed && !spool.isEmpty && outage.error === undefined) {
      drained += await between(drainSome)
    }
    if (!spool.isEmpty) return
    logger.info('the spool is empty: the log has all attempts', { attempts: drained })
    reported = 'none'
  }

  async function drainSome(): Promise<number> {
    const untilMs = performance.now() + SLICE_MS
    let drained = 0
    while (performance.now() < untilMs) {
      const group = await spool.first()
      if (group === undefined) break
      if (!(await isAppended(group))) continue
      await spool.removeFirst()
      drained += group.attempts
    }
    await follower.catchUp()
    return drained
  }

  /** Appends a group, unless the log has it. False where the log lost earlier ones, which come first again. */
  async function isAppended(group: SpooledGroup): Promise<boolean> {
    try {
      await (group.writer === log.info.writer ? appendOwn(group) : log.append(group))
    } catch (error) {
      if (!(error instanceof LogBehind)) throw error
      if (error.number >= group.number) return true
      if (spool.goBackTo(group.writer, error.number + 1)) return false
      // No process has the groups between any more. The log will never accept this one from its writer.
      const writer = derivedWriter(group.writer, group.number)
      logger.error('the log lost groups of an earlier process, which cannot be sent again', { writer: group.writer })
      await log.append({ ...group, writer, number: 1 })
    }
    return true
  }

  function drain(): void {
    draining ??= drainAll()
      .catch(error => {
        if (!isClosed) outage.begin(error)
      })
      .finally(() => {
        draining = undefined
      })
  }

  return {
    get isOn() {
      return !outage.isFinal && (outage.error !== undefined || (isStarted && !spool.isEmpty))
    },
    get stats() {
      return spool.stats
    },
    isOwn: spool.isOwn,
    refusal: () => (isFull() ? full() : undefined),
    turnRefusal: () =>
      new StoreUnavailable(
        outage.error === undefined
          ? 'attempts from the time when the log was away are not in it yet'
          : `the log is away: ${messageOf(outage.error)}`,
      ),
    put,
    start() {
      isStarted = true
      if (!spool.isEmpty) drain()
    },
    drain,
    advisory() {
      const { attempts, bytes } = spool.stats
      if (attempts === 0) return undefined
      return { name: 'spool', detail: `${attempts} attempts (${bytes} bytes) wait in the spool for the log` }
    },
    stop() {
      isClosed = true
    },
    async close() {
      isClosed = true
      await draining
      await spool.close()
    },
  }
}

function full(): StoreUnavailable {
  return new StoreUnavailable('the log is away, and the spool is full')
}
