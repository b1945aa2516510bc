/** A store opened for reading only: it takes no lock, changes no file, and works while another process writes the same store. */
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { matches } from '../../core/aggregate/key-index.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import { NewerRecord } from '../../core/log.ts'
import { type AttemptPage, type AttemptQuery, type Clock, type Store, StoreUnavailable } from '../../core/ports.ts'
import type { ListedAttempt } from '../document/content.ts'
import { createAnswers } from '../engine/answers.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { errorCode, NewerFormat, NoStore, UnreadableStore, UnusablePath } from './errors.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { listAttempts, withId } from './journal/listing.ts'
import { type Oldest, oldestLeft, oldestPath, readOldest } from './journal/oldest.ts'
import { segmentPath } from './journal/segments.ts'
import { journalDirectory } from './lock/directory.ts'
import { type ReadFiles, readFiles } from './read-files.ts'
import { openReadView } from './read-view.ts'
import type { RecoveredJournal, StartOptions } from './recovery/start.ts'

export interface FileReaderOptions {
  /** The documented file. */
  readonly path: string
  /** Makes an empty tally: each time the files are read, they are counted into a new one. */
  readonly createTally: () => Tally
  readonly clock: Clock
  /** Receives each fault that was found as a warning. */
  readonly log?: Logger | undefined
  readonly fileSystem?: FileSystem | undefined
}

/** How often the files are read while a writer changes them, and the first pause between, which doubles: 1.6 s in all. */
const RETRY = { tries: 6, firstMs: 50 }
/** Faults that are reported one by one. */
const MAX_REPORTED = 10
const IDS = { limit: 1_000_000, keepMs: 86_400_000 }
/** A temporary failure, as sysexits.h has it. */
const EXIT = { temporary: 75 }

/** What one reading of all files gave. */
interface Reading extends ReadFiles {
  readonly oldest: Oldest
  /** Damage, a sentence each. */
  readonly faults: readonly string[]
}

/**
 * Opens the store at the path for questions. It answers from what was there when it opened; later changes do not show. It may count attempts
 * that a writer has written and not yet acknowledged. Damage is reported to the log and left where it is. Appends and resets reject with {@link StoreUnavailable}. Rejects with {@link NoStore},
 * {@link UnreadableStore} or {@link NewerFormat}.
 */
export async function openFileReader(options: FileReaderOptions): Promise<Store> {
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

/** Reads again where a writer removed or replaced files meanwhile. Damage that is found twice is not of that kind. */
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
      if (isLast || !mayPass(error)) throw error
    }
    await delay(RETRY.firstMs * 2 ** (tries - 1))
  }
}

/** A file was removed between two steps, or a document was read while it was being written. */
function mayPass(error: unknown): boolean {
  if ([NoStore, NewerFormat, NewerRecord, UnusablePath].some(kind => error instanceof kind)) return false
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
    return { ...files, start: { ...start, fileSystem: base }, oldest, faults }
  } finally {
    await view.close()
  }
}

/** Which segment is the oldest one, as far as anything says so. */
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
  { start, recovered, content, tally, oldest }: Reading,
  log: Logger | undefined,
): Store {
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
  // A writer beside us removes old segments.
  const oldestNow = async (): Promise<Oldest> => {
    const read = await readOldest(start)
    return typeof read === 'string' ? oldest : read
  }
  const chain = { ...start, journal, resetAt, links: new Map(), oldestNow, onDamage }
  const list = async (query: AttemptQuery): Promise<AttemptPage> =>
    content === undefined ? listAttempts(chain, query) : listAdopted(content.attempts, query)
  let isClosed = false
  return {
    append: refuse,
    appendPoints: refuse,
    reset: refuse,
    health: () => ({ writable: false, reason }),
    ...createAnswers({ tally, clock: start.clock, list, isClosed: () => isClosed }),
    async close() {
      isClosed = true
    },
  }
}

/** A page of the attempts of a document, which are in order of time. */
function listAdopted(
  attempts: readonly ListedAttempt[],
  { cursor, range, order, withIds, ...query }: AttemptQuery,
): AttemptPage {
  let left = cursor === undefined ? attempts.length : readCursor(cursor, attempts.length)
  const page: AttemptPage['attempts'][number][] = []
  while (left > 0 && page.length < query.limit) {
    left--
    const index = order === 'oldest' ? attempts.length - 1 - left : left
    const { attempt, at } = attempts[index]!
    const isInRange = range === undefined || (at.ms >= range.sinceMs && at.ms < range.untilMs)
    if (isInRange && matches(attempt, query)) page.push(withIds ? withId(attempt, `${index}`) : attempt)
  }
  return { attempts: page, next_cursor: left === 0 ? null : printCursor(left) }
}

/** How many attempts are left. */
const printCursor = (left: number): string => Buffer.from(String(left)).toString('base64url')

function readCursor(cursor: string, most: number): number {
  const left = Number(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (left > 0 && left <= most && printCursor(left) === cursor) return left
  throw new RangeError('is not a cursor that a page ended with')
}

/** Says of which store a system error is. */
function explained(error: unknown, path: string): unknown {
  if (error instanceof UnusablePath) return new UnreadableStore(error.path, error.detail, { cause: error })
  const code = errorCode(error)
  if (code === undefined) return error
  if (code !== 'ENOENT' && code !== 'ESTALE') return new UnreadableStore(path, messageOf(error), { cause: error })
  const detail = `its files changed each of ${RETRY.tries} times that they were read; try again (${messageOf(error)})`
  return new UnreadableStore(path, detail, { exitCode: EXIT.temporary, cause: error })
}
