/**
 * The default store: one documented file, and beside it a journal that keeps every attempt before it is counted.
 * It is long because all parts of the store are connected here.
 */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { createSeries, MAX_SERIES, type SeriesPoint } from '../../core/aggregate/series.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import {
  type AppendedPoints,
  type AttemptPage,
  type AttemptQuery,
  type Clock,
  RangeNotHeld,
  type Store,
  StoreUnavailable,
  type TimeRange,
} from '../../core/ports.ts'
import { runYielding } from '../../lib/event-loop.ts'
import { fingerprintOf, OWN_SCHEMA } from '../snapshot/schema.ts'
import { logChangedSettings } from './changed-settings.ts'
import { createCheckpointer } from './checkpointer.ts'
import { type Counters, createCounters } from './counters.ts'
import { createDamage, type KnownDamage } from './damage.ts'
import {
  type Hold,
  holdDirectory,
  journalDirectory,
  makeJournalDirectory,
  moveEarlierJournal,
  removeUnfinished,
} from './directory.ts'
import { inspectDocument } from './document.ts'
import { createDocumentWriter } from './document-writer.ts'
import { errorCode, LockLost, messageOf, NewerFormat, StoreLocked, UnusablePath } from './errors.ts'
import type { ChainOptions, Link } from './extents.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { createGroupCommit } from './group-commit.ts'
import { createJournal } from './journal.ts'
import { listAttempts } from './listing.ts'
import type { Log } from './log.ts'
import { type Oldest, settleOldest } from './oldest.ts'
import { createOwnership, OWNERSHIP_TIMES, type OwnershipTimes } from './ownership.ts'
import { isSame, type Position } from './position.ts'
import { pointsLine, resetLine } from './record.ts'
import { repair } from './repair.ts'
import { limitsOf } from './replay.ts'
import { withinRetention } from './retention.ts'
import { createScrub, SCRUB_TIMES, type ScrubTimes } from './scrub.ts'
import { segmentPath } from './segments.ts'
import { type Found, find, refuseNewer, type StartOptions } from './start.ts'

export interface FileStoreOptions {
  /** The documented file; what else is kept lies beside it. */
  readonly path: string
  /** Empty; nothing else may count into it while the store is open. */
  readonly tally: Tally
  readonly clock: Clock
  /** Milliseconds since some moment, by a clock that never jumps: attempt ids age by it. Without one they age by `clock`. */
  readonly monotonic?: Clock | undefined
  readonly log?: Log | undefined
  readonly fileSystem?: FileSystem | undefined
  /** Ids of attempts that are remembered, and for how long: 1,000,000, and 24 hours. */
  readonly ids?: { readonly limit: number; readonly keepMs: number } | undefined
  /** What is kept for listing, by whole segments: 90 days, and 1 GiB. What was counted stays counted. */
  readonly retention?: { readonly maxAgeMs: number; readonly maxBytes: number } | undefined
  /** Attempts that may wait for the disk: 100,000. */
  readonly maxPendingAttempts?: number | undefined
  /** Series of metrics that are told apart: 100,000. */
  readonly maxSeries?: number | undefined
  /** When and how fast the files are verified: from 2 seconds on, then daily, at 4 MiB/s. */
  readonly scrub?: ScrubTimes | undefined
  /** How often the lock is checked, and the files are made as new as now: every second, and hourly. */
  readonly ownership?: OwnershipTimes | undefined
}

/** What a store knows of itself. Counts are since it was opened. */
export interface FileStoreStats extends Readonly<Counters> {
  readonly journalBytes: number
  readonly segments: number
  /** Calls of `append`, and attempts in them, that wait to be kept. */
  readonly pendingRequests: number
  readonly pendingAttempts: number
  readonly ids: number
  /** What is known to be damaged or missing now. */
  readonly damage: KnownDamage
}

export interface FileStore extends Store {
  stats(): FileStoreStats
  /** Reads and verifies all segments and checkpoints now; resolves when it is done. */
  verify(): Promise<void>
}

const DAY_MS = 86_400_000
/** Points that stand in one line of the journal: some hundred kilobytes. */
const POINTS_AT_ONCE = 500
type Writable<T> = { -readonly [Field in keyof T]: T[Field] }

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * Opens the store, and resolves when all that was ever acknowledged is counted. Rejects with {@link StoreLocked}, {@link NewerFormat}
 * or {@link UnusablePath}, which leave all as it was.
 */
export async function openFileStore(options: FileStoreOptions): Promise<FileStore> {
  const path = resolve(options.path)
  const idOptions = options.ids ?? { limit: 1_000_000, keepMs: DAY_MS }
  const start: StartOptions = {
    path,
    directory: journalDirectory(path),
    fileSystem: options.fileSystem ?? nodeFileSystem,
    tally: options.tally,
    clock: options.clock,
    owner: randomBytes(8).toString('hex'),
    idOptions,
    series: createSeries({ limit: options.maxSeries ?? MAX_SERIES, keepMs: idOptions.keepMs }),
    log: options.log ?? SILENT,
  }
  let hold: Hold | undefined
  try {
    await moveEarlierJournal(start)
    const isNew = (await start.fileSystem.stat(start.directory)) === undefined
    const known = isNew ? await inspectDocument(start.fileSystem, path) : undefined
    await makeJournalDirectory(start)
    hold = await holdDirectory(start)
    const document = await refuseNewer(start, { known })
    await hold.name()
    const found = await find(start, document)
    hold.assertHeld()
    await removeUnfinished(start, start.log)
    const end = await repair(start, found)
    const oldest = await settleOldest(start, found)
    return createFileStore(start, options, hold, found, { end, oldest })
  } catch (error) {
    options.tally.clear()
    await hold?.release()
    throw explained(error, path)
  }
}

/** System errors say which call failed; this says for whom. */
function explained(error: unknown, path: string): unknown {
  const isExplained = [StoreLocked, LockLost, NewerFormat, UnusablePath].some(kind => error instanceof kind)
  return isExplained || errorCode(error) === undefined ? error : new UnusablePath(path, messageOf(error), error)
}

/** The store over what was found, which is counted already. */
function createFileStore(
  start: StartOptions,
  options: FileStoreOptions,
  hold: Hold,
  found: Found,
  { end, oldest }: { readonly end: Position; readonly oldest: Oldest },
): FileStore {
  const { tally, series, clock, log } = start
  const { ids, segments } = found
  const counters = createCounters(found.replayed)
  const replayed = found.replayed.forks.reduce((sum, fork) => sum + fork.attempts, found.replayed.total)
  const records = found.adoption?.attempts.length ?? replayed
  const journal = createJournal({ ...start, counters, end, records, oldest, segments, limits: limitsOf(start), hold })
  logChangedSettings(start, found)
  const damagedAtStart = [...found.replayed.damaged].map(
    ([one, lines]) => [segmentPath(start.directory, one), lines] as const,
  )
  const damage = createDamage(counters, log, new Map(damagedAtStart))
  const commit = createGroupCommit({
    journal,
    tally,
    ids,
    clock,
    steadyClock: steadyClock(clock, options.monotonic),
    log,
    maxPendingAttempts: options.maxPendingAttempts ?? 100_000,
    onCounted() {
      documents.request()
      checkpoints.changed()
    },
    beforeRetry: () => ownership.renew(),
    // What failed may have been more than one write: from here on nothing older is needed.
    onRecovered() {
      checkpoints.request()
      documents.request()
    },
  })
  const common = { ...start, counters, journal, commit, ids, hold }
  const retention = options.retention ?? { maxAgeMs: 90 * DAY_MS, maxBytes: 1024 ** 3 }
  const unchecked = found.document.kind === 'ours' && found.checkpoint !== undefined ? end : undefined
  const documents = createDocumentWriter({ ...common, unchecked })
  const checkpoints = createCheckpointer({ ...common, retention, found })
  // What a start had to count again, the next one need not.
  const isUnlike = found.checkpoint === undefined && segments.size > 0
  if (found.replayed.records > 0 || isUnlike || (found.changes ?? []).length > 0) checkpoints.request()
  const isCurrent =
    found.document.kind === 'ours' &&
    isSame(found.document.position, end) &&
    found.document.fingerprint === fingerprintOf(OWN_SCHEMA, tally.times.save())
  if (!isCurrent || found.adoption !== undefined) documents.request()
  let closing: Promise<void> | undefined
  const ownership = createOwnership({
    ...start,
    hold,
    journal,
    segments,
    commit,
    checkpoints,
    times: options.ownership ?? OWNERSHIP_TIMES,
  })

  async function appendPoints(points: readonly SeriesPoint[]): Promise<AppendedPoints> {
    const appended = { attempts: 0, refused: 0 }
    for (let from = 0; from < points.length; from += POINTS_AT_ONCE) {
      const some = points.slice(from, from + POINTS_AT_ONCE)
      await commit.inTurn(() => keepPoints(some, appended))
    }
    return appended
  }

  /** What is new depends on all that came before: so it is found out, kept and counted in one turn. */
  async function keepPoints(points: readonly SeriesPoint[], appended: Writable<AppendedPoints>): Promise<void> {
    const nowMs = clock()
    const step = series.step(points, nowMs)
    appended.refused += step.refused
    if (step.points.length === 0) return
    await journal.append(pointsLine(nowMs, step.points))
    series.take(step)
    for (const increment of step.increments) {
      tally.count(increment, nowMs)
      if (increment.measure.metric === 'attempts') appended.attempts += increment.values[0] ?? 0
    }
    documents.request()
    checkpoints.changed()
  }

  async function reset(): Promise<void> {
    await commit.inTurn(async () => {
      const nowMs = clock()
      await journal.begin(resetLine(nowMs), { reset: true })
      tally.clear()
      ids.clear()
      series.forget(nowMs)
      checkpoints.forget(journal.end.segment)
    })
    documents.request()
    await checkpoints.flush()
    await documents.flush()
  }

  async function close(): Promise<void> {
    ownership.stop()
    await commit.close()
    await scrub.close()
    await checkpoints.close()
    await documents.close()
    await journal.close()
    await hold.release()
  }

  const links = new Map<number, Link>()
  const chain = (): ChainOptions => ({ ...start, journal, resetAt: checkpoints.resetAt, links })
  const scrub = createScrub({
    ...start,
    damage,
    chain,
    times: options.scrub ?? SCRUB_TIMES,
    onDamagedCheckpoint: () => checkpoints.request(),
    keepOldest: () => journal.keepOldest(),
  })
  function list(query: AttemptQuery): Promise<AttemptPage> {
    const within = withinRetention(query, retention, clock())
    return ownership.whileHeld(() => listAttempts({ ...chain(), onDamage: scrub.examine }, within))
  }

  return {
    append: commit.append,
    appendPoints,
    health() {
      ownership.check()
      return commit.health()
    },
    ...createQuestions(start, list, () => closing !== undefined),
    reset,
    stats: () => ({
      ...counters,
      journalBytes: [...segments.values()].reduce((sum, bytes) => sum + bytes, 0),
      segments: segments.size,
      pendingRequests: commit.pending.calls,
      pendingAttempts: commit.pending.attempts,
      ids: ids.size,
      damage: damage.known,
    }),
    verify: scrub.pass,
    close() {
      closing ??= close()
      return closing
    },
  }
}

/** The time by `clock` as it was at first, and what has passed by `monotonic` since. Where that is not given, `clock` itself. */
function steadyClock(clock: Clock, monotonic: Clock | undefined): Clock {
  if (monotonic === undefined) return clock
  const offsetMs = clock() - monotonic()
  return () => offsetMs + monotonic()
}

/** What is answered from the tally and the journal, unless the store is closed. */
export function createQuestions(
  { tally, clock }: Pick<StartOptions, 'tally' | 'clock'>,
  list: (query: AttemptQuery) => Promise<AttemptPage>,
  isClosed: () => boolean,
): Pick<Store, 'summaries' | 'arms' | 'overflowedArms' | 'coverage' | 'attempts'> {
  function refuseClosed(): void {
    if (isClosed()) throw new StoreUnavailable('the store is closed', { reason: 'closed' })
  }
  function refuseUnheld({ sinceMs }: TimeRange, nowMs: number): void {
    const { earliestMs } = tally.times.coverage(sinceMs, nowMs)
    if (sinceMs < earliestMs) throw new RangeNotHeld(earliestMs)
  }
  return {
    async summaries(range, filter = {}, signal) {
      refuseClosed()
      if (range === undefined) return tally.keys(filter)
      const nowMs = clock()
      refuseUnheld(range, nowMs)
      return await runYielding(tally.rangedSteps(range, filter, nowMs), signal)
    },
    async arms(experiment, range, signal) {
      refuseClosed()
      if (range === undefined) return tally.arms(experiment)
      const nowMs = clock()
      refuseUnheld(range, nowMs)
      return await runYielding(tally.rangedArmSteps(experiment, range, nowMs), signal)
    },
    async overflowedArms(experiment, range) {
      refuseClosed()
      const nowMs = clock()
      if (range !== undefined) refuseUnheld(range, nowMs)
      return tally.overflowedArms(experiment, range, nowMs)
    },
    coverage: sinceMs => tally.times.coverage(sinceMs, clock()),
    async attempts(query) {
      refuseClosed()
      return await list(query)
    },
  }
}
