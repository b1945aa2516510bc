/**
 * The default store: one documented file, and beside it a journal that keeps every attempt before it is counted.
 * It is long because all parts of the store are connected here.
 */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { createSeries, MAX_SERIES } from '../../core/aggregate/series.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import type { Clock, ObservedStore } from '../../core/ports.ts'
import { logChangedSettings } from '../engine/changed-settings.ts'
import { createEngine } from '../engine/engine.ts'
import type { WriteCounters } from '../engine/snapshots.ts'
import type { KeptEvents } from '../events.ts'
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
import { type Oldest, settleOldest } from './journal/oldest.ts'
import { isSame, type Position as JournalPlace } from './journal/position.ts'
import { segmentPath } from './journal/segments.ts'
import { type Hold, holdDirectory, journalDirectory, makeJournalDirectory, removeUnfinished } from './lock/directory.ts'
import { OWNERSHIP_TIMES, type OwnershipTimes } from './lock/ownership.ts'
import { metricValues } from './metrics.ts'
import { createDamage, type Damage, type KnownDamage } from './recovery/damage.ts'
import { repair } from './recovery/repair.ts'
import { limitsOf } from './recovery/replay.ts'
import { SCRUB_TIMES, type ScrubTimes } from './recovery/scrub.ts'
import { type Found, find, refuseNewer, type StartOptions } from './recovery/start.ts'

export interface FileStoreOptions {
  /** The documented file; what else is kept lies beside it. */
  readonly path: string
  /** Empty; nothing else may count into it while the store is open. */
  readonly tally: Tally
  readonly clock: Clock
  /** Milliseconds since some moment, by a clock that never jumps: attempt ids age by it. Without one they age by `clock`. */
  readonly monotonic?: Clock | undefined
  readonly log?: Logger | undefined
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
  readonly snapshot: Readonly<WriteCounters>
  readonly journalBytes: number
  readonly segments: number
  /** Calls of `append`, and attempts in them, that wait to be kept. */
  readonly pendingRequests: number
  readonly pendingAttempts: number
  readonly ids: number
  /** What is known to be damaged or missing now. */
  readonly damage: KnownDamage
}

export interface FileStore extends ObservedStore {
  readonly events: KeptEvents
  stats(): FileStoreStats
  /** Reads and verifies all segments and snapshots now; resolves when it is done. */
  verify(): Promise<void>
}

const DAY_MS = 86_400_000

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * Opens the store, and resolves when all that was ever acknowledged is counted. Rejects with {@link StoreLocked}, {@link NewerFormat}
 * or {@link UnusablePath}, which leave all as it was.
 */
export async function openFileStore(options: FileStoreOptions): Promise<FileStore> {
  return createFileStore(await openFileLog(options), options)
}

/** A file log that is open, and what its start found, which is counted into the tally. */
export interface OpenedFileLog {
  readonly log: FileLog
  readonly start: StartOptions
  readonly found: Found
  readonly hold: Hold
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
  let hold: Hold | undefined
  try {
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
    return createLog(start, options, hold, found, { end, oldest })
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

/** The log over what was found, which is counted already. */
function createLog(
  start: StartOptions,
  options: FileStoreOptions,
  hold: Hold,
  found: Found,
  { end, oldest }: { readonly end: JournalPlace; readonly oldest: Oldest },
): OpenedFileLog {
  const { log: logger } = start
  const { segments, replayed, adoption, lastSnapshot } = found
  const counters = createCounters(replayed)
  const records = adoption?.attempts.length ?? replayed.forks.reduce((sum, fork) => sum + fork.attempts, replayed.total)
  const limits = limitsOf(start)
  const journal = createJournal({ ...start, counters, end, records, oldest, segments, limits, hold })
  logChangedSettings(start.tally, found.changes ?? [], logger)
  const damagedAtStart = [...replayed.damaged].map(
    ([one, lines]) => [segmentPath(start.directory, one), lines] as const,
  )
  const damage = createDamage(counters, logger, new Map(damagedAtStart))
  const log = createFileLog({
    start,
    journal,
    segments,
    hold,
    damage,
    info: { seed: found.ids.save(0, 0).seed, limits },
    retention: options.retention ?? { maxAgeMs: 90 * DAY_MS, maxBytes: 1024 ** 3 },
    resetAt: found.resetAt,
    newestSnapshot: lastSnapshot + (adoption === undefined ? 0 : 1),
    times: options.ownership ?? OWNERSHIP_TIMES,
    scrub: options.scrub ?? SCRUB_TIMES,
  })
  return { log, start, found, hold, journal, counters, damage, logger }
}

/** The engine and the document over an open log. */
function createFileStore(opened: OpenedFileLog, options: FileStoreOptions): FileStore {
  const { log, start, found, journal, counters, damage, logger } = opened
  const { segments, document, snapshot } = found
  const { clock, monotonic, maxPendingAttempts } = options
  const { tally, series, alerts } = start
  const state = { tally, series, alerts, ids: found.ids }
  const times = { expireMs: (options.ownership ?? OWNERSHIP_TIMES).tendMs }
  const engine = createEngine(
    { log, clock, monotonic, logger, maxPendingAttempts, times },
    { state, position: log.end },
  )
  const { end } = journal
  const unchecked = document.kind === 'ours' && snapshot !== undefined ? end : undefined
  const documents = createDocumentWriter({ ...start, ...opened, log: logger, engine, unchecked })
  engine.add({ changed: documents.request, close: documents.close })
  // What a start had to count again, the next one need not.
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
