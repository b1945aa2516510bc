/**
 * The default store: the documented file, and next to it a journal in which every attempt is durable before it counts.
 * The file is long because it connects all parts of the store.
 */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { createSeries, MAX_SERIES } from '../../core/aggregate/series.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import type { KeptEvents } from '../../core/events.ts'
import type { Clock, ObservedStore } from '../../core/ports.ts'
import { createEngine } from '../engine/engine.ts'
import type { WriteCounters } from '../engine/snapshots.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { fingerprintOf, OWN_SCHEMA } from '../snapshot/schema.ts'
import { type Counters, createCounters } from './counters.ts'
import { inspectDocument } from './document/document.ts'
import { createDocumentWriter } from './document/document-writer.ts'
import { errorCode, LockLost, NewerFormat, StoreLocked, UnusablePath } from './errors.ts'
import { createFileLog, type FileLog } from './file-log.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { createJournal, type Journal } from './journal/journal.ts'
import { type Oldest, recoverOldest } from './journal/oldest.ts'
import { isSame, type Position as JournalPlace } from './journal/position.ts'
import { segmentPath } from './journal/segments.ts'
import { journalDirectory, makeJournalDirectory, removeUnfinished } from './lock/directory.ts'
import { type DirectoryLock, lockDirectory } from './lock/directory-lock.ts'
import { OWNERSHIP_TIMES, type OwnershipTimes } from './lock/ownership.ts'
import { metricValues } from './metrics.ts'
import { logChangedSettings } from './recovery/changed-settings.ts'
import { createDamage, type Damage, type KnownDamage } from './recovery/damage.ts'
import { repair } from './recovery/repair.ts'
import { limitsOf } from './recovery/replay.ts'
import { SCRUB_TIMES, type ScrubTimes } from './recovery/scrub.ts'
import { type Found, find, refuseNewer, type StartOptions } from './recovery/start.ts'

export interface FileStoreOptions {
  /** The path of the documented file. All other files are next to it. */
  readonly path: string
  /** Must be empty. Nothing else may write to it while the store is open. */
  readonly tally: Tally
  readonly clock: Clock
  /** A monotonic clock in milliseconds, by which attempt ids age. Without it they age by `clock`. */
  readonly monotonic?: Clock | undefined
  readonly log?: Logger | undefined
  readonly fileSystem?: FileSystem | undefined
  /** Limits of the dedup window. By default 1,000,000 ids and 24 hours. */
  readonly ids?: { readonly limit: number; readonly keepMs: number } | undefined
  /** Retention of single attempts, by whole segments. By default 90 days and 1 GiB. Totals stay. */
  readonly retention?: { readonly maxAgeMs: number; readonly maxBytes: number } | undefined
  /** The maximum number of attempts that wait for the disk. By default 100,000. */
  readonly maxPendingAttempts?: number | undefined
  /** The maximum number of metric series. By default 100,000. */
  readonly maxSeries?: number | undefined
  /** When and how fast the files are verified. By default after 2 seconds, then daily, at 4 MiB/s. */
  readonly scrub?: ScrubTimes | undefined
  /** How often the lock is checked and the files are touched. By default every second and every hour. */
  readonly ownership?: OwnershipTimes | undefined
}

/** Statistics of a store. Counts are since it was opened. */
export interface FileStoreStats extends Readonly<Counters> {
  readonly snapshot: Readonly<WriteCounters>
  readonly journalBytes: number
  readonly segments: number
  /** Calls of `append` that wait until their attempts are durable, and their attempts. */
  readonly pendingRequests: number
  readonly pendingAttempts: number
  readonly ids: number
  /** Damage and missing files that are known now. */
  readonly damage: KnownDamage
}

export interface FileStore extends ObservedStore {
  readonly events: KeptEvents
  stats(): FileStoreStats
  /** Reads and verifies all segments and snapshots now. Resolves when it is done. */
  verify(): Promise<void>
}

const DAY_MS = 86_400_000

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * Opens the store. Resolves when everything acknowledged is counted. Rejects with {@link StoreLocked}, {@link NewerFormat} or
 * {@link UnusablePath} without changing a file.
 */
export async function openFileStore(options: FileStoreOptions): Promise<FileStore> {
  return createFileStore(await openFileLog(options), options)
}

/** An open file log, and the results of its recovery, which the tally contains. */
export interface OpenedFileLog {
  readonly log: FileLog
  readonly start: StartOptions
  readonly found: Found
  readonly lock: DirectoryLock
  readonly journal: Journal
  readonly counters: Counters
  readonly damage: Damage
  readonly logger: Logger
}

/** As {@link openFileStore}, without the engine and the document. */
export async function openFileLog(options: FileStoreOptions): Promise<OpenedFileLog> {
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
    alerts: new Map(),
    log: options.log ?? SILENT,
  }
  let lock: DirectoryLock | undefined
  try {
    const isNew = (await start.fileSystem.stat(start.directory)) === undefined
    const known = isNew ? await inspectDocument(start.fileSystem, path) : undefined
    await makeJournalDirectory(start)
    lock = await lockDirectory(start)
    const document = await refuseNewer(start, { known })
    await lock.name()
    const found = await find(start, document)
    lock.assertHeld()
    await removeUnfinished(start, start.log)
    const end = await repair(start, found)
    const oldest = await recoverOldest(start, found)
    return createLog(start, options, lock, found, { end, oldest })
  } catch (error) {
    options.tally.clear()
    await lock?.release()
    throw explained(error, path)
  }
}

/** Adds the path of the store to a system error, which only names the failed call. */
function explained(error: unknown, path: string): unknown {
  const isExplained = [StoreLocked, LockLost, NewerFormat, UnusablePath].some(kind => error instanceof kind)
  return isExplained || errorCode(error) === undefined ? error : new UnusablePath(path, messageOf(error), error)
}

/** Creates the log after recovery. */
function createLog(
  start: StartOptions,
  options: FileStoreOptions,
  lock: DirectoryLock,
  found: Found,
  { end, oldest }: { readonly end: JournalPlace; readonly oldest: Oldest },
): OpenedFileLog {
  const { log: logger } = start
  const { segments, replayed, adoption, lastSnapshot } = found
  const counters = createCounters(replayed)
  const records = adoption?.attempts.length ?? replayed.forks.reduce((sum, fork) => sum + fork.attempts, replayed.total)
  const limits = limitsOf(start)
  const journal = createJournal({ ...start, counters, end, records, oldest, segments, limits, lock })
  logChangedSettings(start, found)
  const damagedAtStart = [...replayed.damaged].map(
    ([one, lines]) => [segmentPath(start.directory, one), lines] as const,
  )
  const damage = createDamage(counters, logger, new Map(damagedAtStart))
  const log = createFileLog({
    start,
    journal,
    segments,
    lock,
    damage,
    info: { seed: found.ids.save(0, 0).seed, limits },
    retention: options.retention ?? { maxAgeMs: 90 * DAY_MS, maxBytes: 1024 ** 3 },
    resetAt: found.resetAt,
    newestSnapshot: lastSnapshot + (adoption === undefined ? 0 : 1),
    times: options.ownership ?? OWNERSHIP_TIMES,
    scrub: options.scrub ?? SCRUB_TIMES,
  })
  return { log, start, found, lock, journal, counters, damage, logger }
}

/** Creates the engine and the document of an open log. */
function createFileStore(opened: OpenedFileLog, options: FileStoreOptions): FileStore {
  const { log, start, found, journal, counters, damage, logger } = opened
  const { segments, document, snapshot } = found
  const { clock, monotonic, maxPendingAttempts } = options
  const { tally, series, alerts } = start
  const state = { tally, series, alerts, ids: found.ids }
  const times = { expireMs: (options.ownership ?? OWNERSHIP_TIMES).touchMs }
  const engine = createEngine(
    { log, clock, monotonic, logger, maxPendingAttempts, times },
    { state, position: log.end },
  )
  const { end } = journal
  const unchecked = document.kind === 'ours' && snapshot !== undefined ? end : undefined
  const documents = createDocumentWriter({ ...start, ...opened, log: logger, engine, unchecked })
  engine.add({ changed: documents.request, close: documents.close })
  // Take a snapshot after a replay, so that the next start is fast.
  const isUnlike = snapshot === undefined && segments.size > 0
  if (found.replayed.records > 0 || isUnlike || (found.changes ?? []).length > 0) engine.requestSnapshot()
  const isCurrent =
    document.kind === 'ours' &&
    isSame(document.position, end) &&
    document.fingerprint === fingerprintOf(OWN_SCHEMA, tally.times.save())
  if (!isCurrent || found.adoption !== undefined) documents.request()

  const stats = (): FileStoreStats => ({
    ...counters,
    snapshot: engine.snapshotCounters,
    journalBytes: [...segments.values()].reduce((sum, bytes) => sum + bytes, 0),
    segments: segments.size,
    pendingRequests: engine.pending.calls,
    pendingAttempts: engine.pending.attempts,
    ids: state.ids.size,
    damage: damage.known,
  })

  return {
    ...engine,
    async reset() {
      await engine.reset()
      await documents.flush()
    },
    stats,
    metrics: () => metricValues(stats()),
    replayedRecords: counters.replayedRecords,
    verify: log.verify,
  }
}
