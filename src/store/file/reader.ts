/** Opens a store read-only: without a lock, without changing a file, and while another process may write the store. */
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { matches } from '../../core/aggregate/key-index.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import { NewerRecord, type StoredRecords, UnfinishedCopy } from '../../core/log.ts'
import { type AttemptPage, type AttemptQuery, type Clock, StoreUnavailable } from '../../core/ports.ts'
import type { ReadableStore } from '../backend.ts'
import { type ListedAttempt, recordsOf } from '../document/content.ts'
import { createAnswers } from '../engine/answers.ts'
import { reachOf } from '../engine/reach.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { errorCode, NewerFormat, NoStore, UnreadableStore, UnusablePath } from './errors.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { listAttempts } from './journal/listing.ts'
import { type Oldest, oldestLeft, oldestPath, readOldest } from './journal/oldest.ts'
import { segmentPath } from './journal/segments.ts'
import { journalDirectory } from './lock/directory.ts'
import { openToRead, type ReadFiles, readFiles } from './read-files.ts'
import { openReadView } from './read-view.ts'
import type { RecoveredJournal, StartOptions } from './recovery/start.ts'

export interface FileReaderOptions {
  /** The path of the documented file. */
  readonly path: string
  /** Creates an empty tally. Called for each try to read the files. */
  readonly createTally: () => Tally
  readonly clock: Clock
  /** Receives a warning for each fault. */
  readonly log?: Logger | undefined
  readonly fileSystem?: FileSystem | undefined
}

/** How many times reading is tried while a writer changes the files, and the first pause, which doubles. 1.6 s in total. */
const RETRY = { tries: 6, firstMs: 50 }
/** The maximum number of faults that are reported one by one. */
const MAX_REPORTED = 10
const IDS = { limit: 1_000_000, keepMs: 86_400_000 }
/** EX_TEMPFAIL of sysexits.h. */
const EXIT = { temporary: 75 }

/** The result of reading all files once. */
interface Reading extends ReadFiles {
  readonly oldest: Oldest
  /** Damage and missing files, a sentence each. */
  readonly faults: readonly string[]
}

/**
 * Opens the store at the path for questions. The answers describe the moment of opening. They may include attempts that a writer has not
 * acknowledged yet. Damage is logged and not repaired. Appends and resets reject with {@link StoreUnavailable}. Rejects with
 * {@link NoStore}, {@link UnreadableStore} or {@link NewerFormat}.
 */
export async function openFileReader(options: FileReaderOptions): Promise<ReadableStore> {
  const path = resolve(options.path)
  try {
    const reading = await readUntilStable(options, path)
    const { faults } = reading
    for (const fault of faults.slice(0, MAX_REPORTED)) options.log?.warn(fault)
    if (faults.length > MAX_REPORTED) options.log?.warn(`${faults.length - MAX_REPORTED} more faults were found`)
    return createReader(path, reading, options.log)
  } catch (error) {
    throw explained(error, path)
  }
}

/** Reads again if a writer removed or replaced files meanwhile. Damage that is found twice has another cause. */
async function readUntilStable(options: FileReaderOptions, path: string): Promise<Reading> {
  let before: string | undefined
  for (let tries = 1; ; tries++) {
    const isLast = tries === RETRY.tries
    try {
      const reading = await readOnce(options, path)
      const faults = reading.faults.join('\n')
      if (faults === '' || faults === before || isLast) return reading
      before = faults
    } catch (error) {
      if (isLast || !isTransient(error)) throw error
    }
    await delay(RETRY.firstMs * 2 ** (tries - 1))
  }
}

/** Whether another try may succeed: a file was removed between two steps, or the document was read while it was written. */
function isTransient(error: unknown): boolean {
  if ([NoStore, NewerFormat, NewerRecord, UnfinishedCopy, UnusablePath].some(kind => error instanceof kind))
    return false
  return ['ENOENT', 'ESTALE', undefined].includes(errorCode(error))
}

async function readOnce(options: FileReaderOptions, path: string): Promise<Reading> {
  const base = options.fileSystem ?? nodeFileSystem
  const view = await openReadView(base, path)
  try {
    if (!view.isStore) throw new NoStore(options.path)
    const faults: string[] = []
    const tally = options.createTally()
    const start: StartOptions = {
      path,
      directory: journalDirectory(path),
      fileSystem: view.fileSystem,
      clock: options.clock,
      owner: '',
      limits: { ...tally.limits, idWindow: IDS.limit, idWindowAgeMs: IDS.keepMs },
      log: collectInto(faults),
    }
    const files = await readFiles(start, tally, faults)
    const oldest = await oldestOf(start, files.recovered, faults)
    return { ...files, start: { ...files.start, fileSystem: base }, oldest, faults }
  } finally {
    await view.close()
  }
}

/** Reads which segment is the oldest one. */
async function oldestOf(start: StartOptions, recovered: RecoveredJournal, faults: string[]): Promise<Oldest> {
  const read = await readOldest(start)
  if (typeof read !== 'string') return read
  if (read === 'damaged') faults.push(`${oldestPath(start.directory)} is damaged and was not used`)
  return await oldestLeft(start, recovered)
}

function collectInto(faults: string[]): Logger {
  const collect: Logger['warn'] = (message, fields = {}) => {
    const more = Object.entries(fields).map(([name, value]) => `${name}: ${String(value)}`)
    faults.push(more.length === 0 ? message : `${message} (${more.join(', ')})`)
  }
  return { debug() {}, info() {}, warn: collect, error: collect }
}

function createReader(
  path: string,
  { start, recovered, content, state, oldest, forked }: Reading,
  log: Logger | undefined,
): ReadableStore {
  const reason = `${path} is opened for reading only`
  const refuse = (): Promise<never> => Promise.reject(new StoreUnavailable(reason))
  const { resetAt, segments, end, records } = recovered
  const journal = { end, records, segments, oldest }
  const damaged = new Set<number>()
  const onDamage = (sequence: number): void => {
    if (damaged.has(sequence) || damaged.size === MAX_REPORTED) return
    damaged.add(sequence)
    log?.warn(
      `${segmentPath(start.directory, sequence)} is damaged, cut short or missing: not all of its attempts are listed`,
    )
  }
  // A writer may remove old segments meanwhile.
  const oldestNow = async (): Promise<Oldest> => {
    const read = await readOldest(start)
    return typeof read === 'string' ? oldest : read
  }
  const chain = { ...start, journal, resetAt, links: new Map(), oldestNow, onDamage }
  const list = async (query: AttemptQuery): Promise<AttemptPage> =>
    content === undefined ? listAttempts(chain, query) : listAdopted(content.attempts, query)
  const readable = openToRead(start, recovered, [])
  let isClosed = false
  return {
    state,
    limits: start.limits,
    covers: { segment: end.segment, offset: end.offset },
    reach: async () =>
      content === undefined
        ? await reachOf(readable)
        : { position: readable.info.start, completeMs: Number.NEGATIVE_INFINITY },
    async *stored(): AsyncGenerator<StoredRecords> {
      if (content !== undefined) return yield { records: [...recordsOf(content, start.clock())] }
      yield* readable.read((await readable.reach()).position)
      if (forked.length > 0) yield { records: forked }
    },
    asOf: () => undefined,
    append: refuse,
    appendPoints: refuse,
    putExperimentPlan: refuse,
    reset: refuse,
    health: () => ({ writable: false, isReadOnly: true, reason }),
    ...createAnswers({ tally: state.tally, alerts: state.alerts, clock: start.clock, list, isClosed: () => isClosed }),
    async close() {
      isClosed = true
    },
  }
}

/** A page of the attempts of a document, which are ordered by time. */
function listAdopted(
  attempts: readonly ListedAttempt[],
  { cursor, range, order, ...query }: AttemptQuery,
): AttemptPage {
  let left = cursor === undefined ? attempts.length : readCursor(cursor, attempts.length)
  const page: AttemptPage['attempts'][number][] = []
  while (left > 0 && page.length < query.limit) {
    left--
    const index = order === 'oldest' ? attempts.length - 1 - left : left
    const { attempt, at } = attempts[index]!
    const isInRange = range === undefined || (at.ms >= range.sinceMs && at.ms < range.untilMs)
    if (isInRange && matches(attempt, query)) page.push(attempt)
  }
  return { attempts: page, next_cursor: left === 0 ? null : printCursor(left) }
}

/** The cursor is the number of remaining attempts. */
const printCursor = (left: number): string => Buffer.from(String(left)).toString('base64url')

function readCursor(cursor: string, most: number): number {
  const left = Number(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (left > 0 && left <= most && printCursor(left) === cursor) return left
  throw new RangeError('is not a cursor that a page ended with')
}

/** Adds the path of the store to a system error. */
function explained(error: unknown, path: string): unknown {
  if (error instanceof UnusablePath) return new UnreadableStore(error.path, error.detail, { cause: error })
  const code = errorCode(error)
  if (code === undefined) return error
  if (code !== 'ENOENT' && code !== 'ESTALE') return new UnreadableStore(path, messageOf(error), { cause: error })
  const detail = `its files changed each of ${RETRY.tries} times that they were read; try again (${messageOf(error)})`
  return new UnreadableStore(path, detail, { exitCode: EXIT.temporary, cause: error })
}
