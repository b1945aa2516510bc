/** The default store: one documented file, and beside it a journal that keeps every attempt before it is counted. */
import { resolve } from 'node:path'
import type { Clock, KeySummary, Store } from '../../core/ports.ts'
import { StoreUnavailable } from '../../core/ports.ts'
import type { Tally } from '../../core/tally.ts'
import { createCheckpointer } from './checkpointer.ts'
import { type Counters, createCounters } from './counters.ts'
import {
  forgetHolder,
  journalDirectory,
  lockDirectory,
  makeJournalDirectory,
  nameHolder,
  removeUnfinished,
} from './directory.ts'
import { inspectDocument } from './document.ts'
import { createDocumentWriter } from './document-writer.ts'
import { errorCode, messageOf, NewerFormat, StoreLocked, UnusablePath } from './errors.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { createGroupCommit } from './group-commit.ts'
import { createJournal } from './journal.ts'
import { listAttempts } from './listing.ts'
import type { Log } from './log.ts'
import { isSame } from './position.ts'
import { resetLine } from './record.ts'
import { repair } from './repair.ts'
import { collect } from './slices.ts'
import { find, refuseNewer, type StartOptions } from './start.ts'

export interface FileStoreOptions {
  /** The documented file; what else is kept lies beside it. */
  readonly path: string
  /** Empty; nothing else may count into it while the store is open. */
  readonly tally: Tally
  readonly clock: Clock
  readonly log?: Log | undefined
  readonly fileSystem?: FileSystem | undefined
  /** Ids of attempts that are remembered, and for how long: 1,000,000, and 24 hours. */
  readonly ids?: { readonly limit: number; readonly keepMs: number } | undefined
  /** What is kept for listing, by whole segments: 90 days, and 1 GiB. What was counted stays counted. */
  readonly retention?: { readonly maxAgeMs: number; readonly maxBytes: number } | undefined
  /** Attempts that may wait for the disk: 100,000. */
  readonly maxPendingAttempts?: number | undefined
}

/** What a store knows of itself. Counts are since it was opened. */
export interface FileStoreStats extends Readonly<Counters> {
  readonly journalBytes: number
  readonly segments: number
  /** Calls of `append`, and attempts in them, that wait to be kept. */
  readonly pendingRequests: number
  readonly pendingAttempts: number
  readonly ids: number
}

export interface FileStore extends Store {
  stats(): FileStoreStats
}

const DAY_MS = 86_400_000
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * Opens the store, and resolves when all that was ever acknowledged is counted. Rejects with {@link StoreLocked}, {@link NewerFormat}
 * or {@link UnusablePath}, which leave all as it was.
 */
export async function openFileStore(options: FileStoreOptions): Promise<FileStore> {
  const path = resolve(options.path)
  const start: StartOptions = {
    path,
    directory: journalDirectory(path),
    fileSystem: options.fileSystem ?? nodeFileSystem,
    tally: options.tally,
    clock: options.clock,
    idOptions: options.ids ?? { limit: 1_000_000, keepMs: DAY_MS },
    log: options.log ?? SILENT,
  }
  let unlock: (() => void) | undefined
  try {
    if ((await start.fileSystem.stat(start.directory)) === undefined) await inspectDocument(start.fileSystem, path)
    await makeJournalDirectory(start)
    unlock = await lockDirectory(start, path)
    return await open(start, options, unlock)
  } catch (error) {
    options.tally.clear()
    if (unlock !== undefined) await forgetHolder(start)
    unlock?.()
    throw explained(error, path)
  }
}

/** System errors say which call failed; this says for whom. */
function explained(error: unknown, path: string): unknown {
  const isExplained = error instanceof StoreLocked || error instanceof NewerFormat || error instanceof UnusablePath
  return isExplained || errorCode(error) === undefined ? error : new UnusablePath(path, messageOf(error), error)
}

async function open(start: StartOptions, options: FileStoreOptions, unlockFirst: () => void): Promise<FileStore> {
  let unlock = unlockFirst
  const { fileSystem, directory, path, tally, clock, log } = start
  const document = await refuseNewer(start)
  await nameHolder(start, clock, log)
  const found = await find(start, document)
  await removeUnfinished(start, log)
  const end = await repair(start, found)
  const { ids, segments } = found

  const counters = createCounters()
  counters.replayedRecords = found.replayed.attempts
  for (const { bytes } of found.replayed.torn) counters.tornBytes += bytes
  for (const lines of found.replayed.damaged.values()) counters.corruptRecords += lines

  const journal = createJournal({ fileSystem, directory, clock, counters, end, segments })
  const commit = createGroupCommit({
    journal,
    tally,
    ids,
    clock,
    log,
    maxPendingAttempts: options.maxPendingAttempts ?? 100_000,
    onCounted() {
      documents.request()
      checkpoints.changed()
    },
    async beforeRetry() {
      if ((await fileSystem.stat(directory)) !== undefined) return
      log.error('the directory of the journal is gone: it is made again', { directory })
      await makeJournalDirectory(start)
      const unlockGone = unlock
      unlock = await lockDirectory(start, path)
      unlockGone()
      segments.clear()
      await nameHolder(start, clock, log)
    },
    // What failed may have been more than one write: from here on nothing older is needed.
    onRecovered: () => checkpoints.request(),
  })
  const common = { fileSystem, directory, path, tally, clock, log, counters, journal, commit, ids }
  const documents = createDocumentWriter(common)
  const checkpoints = createCheckpointer({
    ...common,
    retention: options.retention ?? { maxAgeMs: 90 * DAY_MS, maxBytes: 1024 ** 3 },
    found,
  })
  // What a start had to count again, the next one need not.
  if (found.replayed.attempts > 0 || (found.checkpoint === undefined && segments.size > 0)) checkpoints.request()
  const isCurrent = document.kind === 'ours' && isSame(document.position, end)
  if (!isCurrent || found.adoption !== undefined) documents.request()

  let closing: Promise<void> | undefined

  async function close(): Promise<void> {
    await commit.close()
    await checkpoints.close()
    await documents.close()
    await journal.close()
    await forgetHolder(start)
    unlock()
  }

  /** Runs a question unless the store is closed. */
  async function ask<T>(question: () => T | Promise<T>): Promise<T> {
    if (closing !== undefined) throw new StoreUnavailable('the store is closed', { reason: 'closed' })
    return await question()
  }

  return {
    append: commit.append,
    health: commit.health,
    summaries: (range, filter) =>
      ask(async () => {
        if (range === undefined) return tally.keys(filter)
        return await collect<KeySummary>(tally.ranged(range, filter ?? {}, clock()))
      }),
    arms: (experiment, range) =>
      ask(async () =>
        range === undefined ? tally.arms(experiment) : await collect(tally.rangedArms(experiment, range, clock())),
      ),
    attempts: query => ask(() => listAttempts({ fileSystem, directory, journal, resetAt: checkpoints.resetAt }, query)),
    async reset() {
      await commit.inTurn(async () => {
        await journal.begin(resetLine(clock()))
        tally.clear()
        ids.clear()
        checkpoints.forget(journal.end.segment)
      })
      documents.request()
      await checkpoints.flush()
      await documents.flush()
    },
    stats: () => ({
      ...counters,
      journalBytes: [...journal.segments.values()].reduce((sum, bytes) => sum + bytes, 0),
      segments: journal.segments.size,
      pendingRequests: commit.pending.calls,
      pendingAttempts: commit.pending.attempts,
      ids: ids.size,
    }),
    close() {
      closing ??= close()
      return closing
    },
  }
}
