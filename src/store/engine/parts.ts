/** The parts of an engine, which call each other. */
import { isShared } from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import { createEvents, type EventPublisher } from '../events.ts'
import { messageOf } from '../messages.ts'
import { createAppender } from './appender.ts'
import { createBufferPool } from './buffer-pool.ts'
import { createFollower, type Follower } from './follower.ts'
import { createFreshness, type Freshness } from './freshness.ts'
import { createGroupCommit, type GroupCommit } from './group-commit.ts'
import type { EngineOptions, Folded, View } from './options.ts'
import { createOutage, type Outage, RETRY_TIMES } from './outage.ts'
import { CATCH_UP_TIMES, createOwnFold } from './own-fold.ts'
import { createCommitQueue } from './queue.ts'
import { restoreState } from './restore.ts'
import { createSnapshots, type Snapshots } from './snapshots.ts'
import { createSpooling, type Spooling } from './spooling.ts'

export interface Parts {
  readonly commit: GroupCommit
  readonly snapshots: Snapshots
  readonly follower: Follower
  readonly outage: Outage
  readonly spooling: Spooling | undefined
  readonly freshness: Freshness
  readonly events: EventPublisher
  /** Folds up to the end of the log. Groups of this writer that a failover lost are appended again. */
  readonly catchUp: () => Promise<void>
}

/** `views` may grow later. */
export function createParts(options: EngineOptions, { state, position }: Folded, views: readonly View[]): Parts {
  const { log, clock, logger, monotonic, maxPendingAttempts = 100_000, spool } = options
  const times = { ...RETRY_TIMES, ...CATCH_UP_TIMES, ...options.times }
  const pool = createBufferPool()
  const events = createEvents(error => logger.error('a listener failed', { error: messageOf(error) }))
  const outage = createOutage({
    log: logger,
    times,
    // While the group commit waits for it, nothing else is under way, and its retry appends lost groups again.
    recover: isAwaited => (isAwaited ? log.recover() : commit.between(recover)),
    // What failed may have been more than one write: from here on nothing older is needed.
    onRecovered() {
      snapshots.request()
      for (const view of views) view.changed()
      spooling?.drain()
    },
    onNewerRecord: error => options.onNewerRecord?.(error),
    onLasting: () => commit.giveUp(),
  })
  /** Whether the state was restored since the last resend: the log may have lost groups of this writer. */
  let hasReloaded = false

  /** The log may be another server than the one that failed. */
  async function recover(): Promise<void> {
    await log.recover()
    if (!isShared(log.info)) return
    await appender.resend()
    await catchUp()
  }

  async function catchUp(): Promise<void> {
    await follower.catchUp()
    if (!hasReloaded) return
    hasReloaded = false
    await appender.resend()
    await follower.catchUp()
  }

  const follower = createFollower({
    log,
    state,
    position,
    logger,
    events,
    isOwn: writer => writer === log.info.writer || spool?.isOwn(writer) === true,
    async reload() {
      hasReloaded = true
      return (await restoreState({ log, state, clock, logger, mustBeComplete: true })).position
    },
    onFolded(bytes) {
      snapshots.changed(bytes)
      for (const view of views) view.changed()
    },
  })
  const between = <T>(work: () => Promise<T>): Promise<T> => commit.between(work)
  const spooling =
    spool &&
    createSpooling({ spool, log, logger, outage, follower, between, appendOwn: group => appender.again(group) })
  const appender = createAppender({ log, clock, outage, spooling })
  const commit = createGroupCommit({
    log,
    state,
    clock,
    steadyClock: steadyClock(clock, monotonic),
    pool,
    queue: createCommitQueue(pool, maxPendingAttempts),
    appender,
    ownFold: createOwnFold({ appender, follower, outage, canWait: spooling !== undefined, times }),
    outage,
    spooling,
    events,
  })
  const snapshots = createSnapshots({ log, state, clock, logger, between, follower })
  const freshness = createFreshness({
    clock,
    isShared: isShared(log.info),
    outage,
    spooled: () => spooling?.stats,
  })
  return { commit, snapshots, follower, outage, spooling, freshness, events, catchUp }
}

/** Folds what other writers append, when the log reports it. Returns a function that does it now. */
export function followLog(
  { log, clock }: Pick<EngineOptions, 'log' | 'clock'>,
  { commit, snapshots, follower, outage, freshness, catchUp }: Parts,
  isClosed: () => boolean,
): () => Promise<void> {
  let isRequested = false

  function fail(error: unknown): void {
    if (outage.error === undefined && !isClosed()) outage.begin(error)
  }

  async function follow(): Promise<void> {
    const atMs = clock()
    await catchUp()
    freshness.folded(atMs)
  }

  /** Several requests before it begins lead to one. */
  async function followSoon(): Promise<void> {
    if (isRequested || isClosed()) return
    isRequested = true
    await commit
      .between(async () => {
        // A request from here on may come too late for this read.
        isRequested = false
        await follow()
      })
      .catch(fail)
  }

  log.watch({
    changed: () => void followSoon(),
    ended(position, atMs) {
      if (position === follower.position) freshness.folded(atMs)
    },
    failed: fail,
    returned: () => outage.hurry(),
    needsSnapshot: () => snapshots.request(),
  })
  return () => commit.between(follow)
}

/** The time by `clock` as it was at first, and what has passed by `monotonic` since. Where that is not given, `clock` itself. */
function steadyClock(clock: Clock, monotonic: Clock | undefined): Clock {
  if (monotonic === undefined) return clock
  const offsetMs = clock() - monotonic()
  return () => offsetMs + monotonic()
}
