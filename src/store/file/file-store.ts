/**
 * The default store: the documented file, and next to it a journal in which every attempt is durable before it counts.
 * The file is long because it connects all parts of the store.
 */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { createSeries, MAX_SERIES } from '../../core/aggregate/series.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import type { AlertLog } from '../../core/alerts/lifecycle.ts'
import type { KeptEvents } from '../../core/events.ts'
import type { LogInfo, Position } from '../../core/log.ts'
import type { Clock, ObservedStore } from '../../core/ports.ts'
import { createDocumentWriter, type DocumentWriter } from '../document/document-writer.ts'
import { type Engine, openEngine } from '../engine/engine.ts'
import type { WriteCounters } from '../engine/snapshots.ts'
import { type Logger, SILENT } from '../logger.ts'
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
import { type Oldest, recoverOldest } from './journal/oldest.ts'
import { isSame, type Position as JournalPlace } from './journal/position.ts'
import { journalDirectory, makeJournalDirectory, removeUnfinished, stagedDocument, tempPath } from './lock/directory.ts'
import { type DirectoryLock, lockDirectory } from './lock/directory-lock.ts'
import { OWNERSHIP_TIMES, type OwnershipTimes } from './lock/ownership.ts'
import { metricValues } from './metrics.ts'
import { createDamage, type Damage, type KnownDamage } from './recovery/damage.ts'
import { createNovelty } from './recovery/novelty.ts'
import { repairJournal } from './recovery/repair.ts'
import { SCRUB_TIMES, type ScrubTimes } from './recovery/scrub.ts'
import { type RecoveredJournal, recoverJournal, refuseNewer, type StartOptions } from './recovery/start.ts'

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
  /** Returns this many random bytes. By default those of `node:crypto`. Tests that compare whole disks state their own. */
  readonly random?: ((bytes: number) => Buffer) | undefined
  /** Limits of the dedup window. By default 1,000,000 ids and 24 hours. */
  readonly ids?: { readonly limit: number; readonly keepMs: number } | undefined
  /** Retention of single attempts, by whole segments. By default 90 days and 1 GiB. Totals stay. */
  readonly retention?: { readonly maxAgeMs: number; readonly maxBytes: number } | undefined
  /** The maximum number of attempts that wait for the disk. By default 100,000. */
  readonly maxPendingAttempts?: number | undefined
  /** Sources of outcomes whose results count before those of the sources behind them, and before all others. By default the latest counts. */
  readonly outcomeSources?: readonly string[] | undefined
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
  /** The currently known damage and missing files. */
  readonly damage: KnownDamage
}

export interface FileStore extends ObservedStore {
  readonly events: KeptEvents
  readonly alerts: AlertLog
  readonly info: Pick<LogInfo, 'id'>
  stats(): FileStoreStats
  /** Reads and verifies all segments and snapshots now. Resolves when it is done. */
  verify(): Promise<void>
}

const DAY_MS = 86_400_000
const IDS = { limit: 1_000_000, keepMs: DAY_MS }

/**
 * Opens the store. Resolves when everything acknowledged is counted. Rejects with {@link StoreLocked}, {@link NewerFormat} or
 * {@link UnusablePath} without changing a file.
 */
export async function openFileStore(options: FileStoreOptions): Promise<FileStore> {
  const opened = await openFileLog(options)
  let engine: Engine | undefined
  try {
    engine = await openOverLog(opened, options)
    return await openDocument(opened, options.tally, engine)
  } catch (error) {
    await (engine ?? opened.log).close()
    options.tally.clear()
    throw explained(error, opened.start.path)
  }
}

/** An open file log, and the results of its start. */
export interface OpenedFileLog {
  readonly log: FileLog
  readonly start: StartOptions
  readonly recovered: RecoveredJournal
  readonly document: FoundDocument
  readonly lock: DirectoryLock
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
    owner: (options.random ?? randomBytes)(8).toString('hex'),
    limits: { maxKeys, maxArms, idWindow: ids.limit, idWindowAgeMs: ids.keepMs },
    log: options.log ?? SILENT,
  }
  let lock: DirectoryLock | undefined
  try {
    const isNew = (await start.fileSystem.stat(start.directory)) === undefined
    const known = isNew ? await inspectFound(start.fileSystem, path) : undefined
    await makeJournalDirectory(start)
    lock = await lockDirectory(start)
    const document = await refuseNewer(start, { known })
    await lock.name()
    const recovered = await recoverJournal(start, document)
    lock.assertHeld()
    await removeUnfinished(start, start.log)
    await repairJournal(start, recovered)
    return createLog(start, options, { lock, recovered, document, oldest: await recoverOldest(start, recovered) })
  } catch (error) {
    await lock?.release()
    throw explained(error, path)
  }
}

/** Adds the path of the store to a system error, which only names the failed call. */
function explained(error: unknown, path: string): unknown {
  const isExplained = [StoreLocked, LockLost, NewerFormat, UnusablePath].some(kind => error instanceof kind)
  return isExplained || errorCode(error) === undefined ? error : new UnusablePath(path, messageOf(error), error)
}

function createLog(
  start: StartOptions,
  options: FileStoreOptions,
  found: Pick<OpenedFileLog, 'lock' | 'recovered' | 'document'> & { readonly oldest: Oldest },
): OpenedFileLog {
  const { lock, recovered, oldest } = found
  const counters = createCounters()
  counters.tornBytes = recovered.torn.reduce((sum, { bytes }) => sum + bytes, 0)
  const journal = createJournal({ ...start, ...recovered, counters, oldest, lock })
  const damage = createDamage(counters, start.log)
  const seed = (options.random ?? randomBytes)(8)
  const log = createFileLog({
    start,
    journal,
    recovered,
    lock,
    damage,
    info: { seed: [seed.readUInt32LE(0), seed.readUInt32LE(4)], limits: start.limits },
    retention: options.retention ?? { maxAgeMs: 90 * DAY_MS, maxBytes: 1024 ** 3 },
    times: options.ownership ?? OWNERSHIP_TIMES,
    scrub: options.scrub ?? SCRUB_TIMES,
  })
  return { ...found, log, start, journal, counters, damage }
}

function openOverLog(opened: OpenedFileLog, options: FileStoreOptions): Promise<Engine> {
  const { log, start, recovered } = opened
  const { clock, log: logger } = start
  const { tally, monotonic, maxPendingAttempts, outcomeSources } = options
  const series = createSeries({ limit: options.maxSeries ?? MAX_SERIES, keepMs: start.limits.idWindowAgeMs })
  return openEngine({
    log,
    tally,
    series,
    clock,
    monotonic,
    logger,
    maxPendingAttempts,
    outcomeSources,
    times: { expireMs: (options.ownership ?? OWNERSHIP_TIMES).touchMs },
    hadSnapshot: recovered.damagedSnapshots.length > 0,
    document: () => coveringDocument(start),
  })
}

/** Merges forks, adopts the document of another program, and keeps the document up to date. */
async function openDocument(opened: OpenedFileLog, tally: Tally, engine: Engine): Promise<FileStore> {
  const { log, start, journal, counters, lock } = opened
  lock.assertHeld()
  const { end } = journal
  counters.forkedRecords = await engine.between(() => log.mergeForks(createNovelty(engine.state)))
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
    temporary: tempPath(start.directory, 'document'),
    counters: counters.document,
    covers: documentPlace,
    guard: createFoundGuard({ ...start, lock, unverified }),
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
    info: log.info,
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
