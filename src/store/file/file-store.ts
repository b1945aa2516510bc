/**
 * The default store: one documented file, and beside it a journal that keeps every attempt before it is counted.
 * It is long because all parts of the store are connected here.
 */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { DedupWindow } from '../../core/aggregate/dedup-window.ts'
import { createSeries, MAX_SERIES } from '../../core/aggregate/series.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import type { Position } from '../../core/log.ts'
import type { Clock, ObservedStore } from '../../core/ports.ts'
import { createDocumentWriter, type DocumentWriter } from '../document/document-writer.ts'
import { type Engine, openEngine } from '../engine/engine.ts'
import type { WriteCounters } from '../engine/snapshots.ts'
import type { KeptEvents } from '../events.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { fingerprintOf, OWN_SCHEMA } from '../snapshot/schema.ts'
import { adoptFound, coveringDocument } from './adoption.ts'
import { type Counters, createCounters } from './counters.ts'
import { errorCode, LockLost, NewerFormat, StoreLocked, UnusablePath } from './errors.ts'
import { createFileLog, type FileLog } from './file-log.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { createFoundGuard, type FoundDocument, inspectFound, settleDocument } from './found-document.ts'
import { createJournal, type Journal } from './journal/journal.ts'
import { readMark } from './journal/mark.ts'
import { type Oldest, settleOldest } from './journal/oldest.ts'
import { isSame, type Position as JournalPlace } from './journal/position.ts'
import {
  type Hold,
  holdDirectory,
  journalDirectory,
  makeJournalDirectory,
  removeUnfinished,
  scratchPath,
  stagedDocument,
} from './lock/directory.ts'
import { OWNERSHIP_TIMES, type OwnershipTimes } from './lock/ownership.ts'
import { metricValues } from './metrics.ts'
import { createDamage, type Damage, type KnownDamage } from './recovery/damage.ts'
import type { ForkRecord } from './recovery/merge-forks.ts'
import { repairJournal } from './recovery/repair.ts'
import { SCRUB_TIMES, type ScrubTimes } from './recovery/scrub.ts'
import { type RecoveredJournal, recoverJournal, refuseNewer, type StartOptions } from './recovery/start.ts'

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
const IDS = { limit: 1_000_000, keepMs: DAY_MS }

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * Opens the store, and resolves when all that was ever acknowledged is counted. Rejects with {@link StoreLocked}, {@link NewerFormat}
 * or {@link UnusablePath}, which leave all as it was.
 */
export async function openFileStore(options: FileStoreOptions): Promise<FileStore> {
  const opened = await openFileLog(options)
  try {
    return await openOverLog(opened, options)
  } catch (error) {
    options.tally.clear()
    await opened.log.close()
    throw explained(error, opened.start.path)
  }
}

/** A file log that is open, and what its start found. */
export interface OpenedFileLog {
  readonly log: FileLog
  readonly start: StartOptions
  readonly recovered: RecoveredJournal
  readonly document: FoundDocument
  readonly hold: Hold
  readonly journal: Journal
  readonly counters: Counters
  readonly damage: Damage
}

/** Opens the log alone, without an engine and a document. */
export async function openFileLog(options: FileStoreOptions): Promise<OpenedFileLog> {
  const path = resolve(options.path)
  const { maxKeys, maxArms } = options.tally.limits
  const ids = options.ids ?? IDS
  const start: StartOptions = {
    path,
    directory: journalDirectory(path),
    fileSystem: options.fileSystem ?? nodeFileSystem,
    clock: options.clock,
    owner: randomBytes(8).toString('hex'),
    limits: { maxKeys, maxArms, idWindow: ids.limit, idWindowAgeMs: ids.keepMs },
    log: options.log ?? SILENT,
  }
  let hold: Hold | undefined
  try {
    const isNew = (await start.fileSystem.stat(start.directory)) === undefined
    const known = isNew ? await inspectFound(start.fileSystem, path) : undefined
    await makeJournalDirectory(start)
    hold = await holdDirectory(start)
    const document = await refuseNewer(start, { known })
    await hold.name()
    const recovered = await recoverJournal(start, document)
    hold.assertHeld()
    await removeUnfinished(start, start.log)
    await repairJournal(start, recovered)
    return createLog(start, options, { hold, recovered, document, oldest: await settleOldest(start, recovered) })
  } catch (error) {
    await hold?.release()
    throw explained(error, path)
  }
}

/** System errors say which call failed; this says for whom. */
function explained(error: unknown, path: string): unknown {
  const isExplained = [StoreLocked, LockLost, NewerFormat, UnusablePath].some(kind => error instanceof kind)
  return isExplained || errorCode(error) === undefined ? error : new UnusablePath(path, messageOf(error), error)
}

function createLog(
  start: StartOptions,
  options: FileStoreOptions,
  found: Pick<OpenedFileLog, 'hold' | 'recovered' | 'document'> & { readonly oldest: Oldest },
): OpenedFileLog {
  const { hold, recovered, oldest } = found
  const counters = createCounters()
  counters.tornBytes = recovered.torn.reduce((sum, { bytes }) => sum + bytes, 0)
  const journal = createJournal({ ...start, ...recovered, counters, oldest, hold })
  const damage = createDamage(counters, start.log)
  const random = randomBytes(8)
  const log = createFileLog({
    start,
    journal,
    recovered,
    hold,
    damage,
    info: { seed: [random.readUInt32LE(0), random.readUInt32LE(4)], limits: start.limits },
    retention: options.retention ?? { maxAgeMs: 90 * DAY_MS, maxBytes: 1024 ** 3 },
    times: options.ownership ?? OWNERSHIP_TIMES,
    scrub: options.scrub ?? SCRUB_TIMES,
  })
  return { ...found, log, start, journal, counters, damage }
}

/** Folds the log, adopts the document of another program, and keeps the document up to date. */
async function openOverLog(opened: OpenedFileLog, options: FileStoreOptions): Promise<FileStore> {
  const { log, start, journal, counters, recovered, hold } = opened
  const { clock, log: logger } = start
  const { tally, monotonic, maxPendingAttempts } = options
  const series = createSeries({ limit: options.maxSeries ?? MAX_SERIES, keepMs: start.limits.idWindowAgeMs })
  const engine = await openEngine({
    log,
    tally,
    series,
    clock,
    monotonic,
    logger,
    maxPendingAttempts,
    times: { expireMs: (options.ownership ?? OWNERSHIP_TIMES).tendMs },
    hadSnapshot: recovered.damagedSnapshots.length > 0,
    document: () => coveringDocument(start),
  })
  hold.assertHeld()
  const { end } = journal
  counters.forkedRecords = await engine.between(() => log.mergeForks(createKnown(engine.state.ids)))
  await engine.follow()
  counters.replayedRecords = engine.replayedRecords
  const isAdopted = await adoptFound(opened, engine)
  const isOurs = !isAdopted && opened.document.kind === 'ours'
  if (!isAdopted) await settleDocument(start, opened.document, end)
  const unverified = isOurs && engine.hasSnapshot ? end : undefined
  const documents = createDocumentWriter({
    ...start,
    engine,
    staged: stagedDocument(start.directory),
    temporary: scratchPath(start.directory, 'document'),
    counters: counters.document,
    covers: documentPlace,
    guard: createFoundGuard({ ...start, hold, unverified }),
  })
  if (!isOurs || !isCurrent(opened.document, journal.end, tally)) documents.request()
  return fileStoreOf(opened, engine, documents)
}

/** How the document states its position. */
function documentPlace(position: Position): { readonly segment: number; readonly offset: number } {
  const { segment, offset } = readMark(position)
  return { segment, offset }
}

/** Whether the document covers the whole journal, in the schema of this program. */
function isCurrent(document: FoundDocument, end: JournalPlace, { times }: Tally): boolean {
  if (document.kind !== 'ours') return false
  return isSame(document.position, end) && document.fingerprint === fingerprintOf(OWN_SCHEMA, times.save())
}

/** Whether the journal, or an earlier fork, has a record. A record without an id is always new: nothing can tell. */
function createKnown(ids: DedupWindow): (record: ForkRecord) => boolean {
  const seen = new Set<string>()
  return record => {
    const id = record.kind === 'attempt' ? record.attempt.attempt_id : undefined
    if (id === undefined) return false
    const isKnown = seen.has(id) || ids.has(id, record.idMs)
    seen.add(id)
    return isKnown
  }
}

function fileStoreOf(
  { log, counters, recovered, damage }: OpenedFileLog,
  engine: Engine,
  documents: DocumentWriter,
): FileStore {
  const { segments } = recovered
  const stats = (): FileStoreStats => ({
    ...counters,
    snapshot: engine.snapshotCounters,
    journalBytes: [...segments.values()].reduce((sum, bytes) => sum + bytes, 0),
    segments: segments.size,
    pendingRequests: engine.pending.calls,
    pendingAttempts: engine.pending.attempts,
    ids: engine.state.ids.size,
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
