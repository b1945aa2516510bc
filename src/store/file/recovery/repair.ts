/** What is done about what a start found: damage is moved or copied aside and told, never overwritten. */

import { captureState } from '../../engine/capture.ts'
import { messageOf } from '../../messages.ts'
import type { Adoption } from '../document/adopt.ts'
import type { DocumentState } from '../document/document.ts'
import type { FileSystem } from '../file-system.ts'
import { type JournalMark, printMark } from '../journal/mark.ts'
import { isBefore, ORIGIN, type Position } from '../journal/position.ts'
import { JOURNAL_FORMAT, openingLine, recordLines } from '../journal/record.ts'
import { type JournalFiles, segmentPath } from '../journal/segments.ts'
import { asideName, tempPath } from '../lock/directory.ts'
import { snapshotPath, writeSnapshot } from '../snapshot/snapshot-files.ts'
import { limitsOf, linesOfFork } from './replay.ts'
import type { Found, StartOptions } from './start.ts'

const COPY_BYTES = 1024 * 1024
/** Forks that one segment names: its opening must stay short. */
const FORKS_AT_ONCE = 16
/** About as long as a segment of the journal may be. */
const ADOPTED_BYTES = 8 * 1024 * 1024

/** Where the journal ends when all is put right. */
export async function repair(options: StartOptions, found: Found): Promise<Position> {
  const { fileSystem, directory, clock, log } = options
  for (const { sequence, reason } of found.damagedSnapshots) {
    const from = snapshotPath(directory, sequence)
    log.error('a snapshot is damaged: it was moved aside', { path: from, reason })
    await fileSystem.rename(from, asideName(from, 'corrupt', clock()))
  }
  for (const [sequence, lines] of found.replayed.damaged) await copyDamaged(options, sequence, lines)
  for (const { segment, offset } of found.replayed.missing) {
    log.error('part of the journal is missing', { path: segmentPath(directory, segment), bytes: offset })
  }
  for (const torn of found.replayed.torn) await cutTorn(options, torn, found.segments)
  if (found.adoption !== undefined) return await finishAdoption(options, found, found.adoption)
  await settleDocument(options, found.document, found.replayed.end)
  await makeDurable(options, found.replayed.end)
  if (found.damagedSnapshots.length > 0) await fileSystem.syncDirectory(directory)
  return await mergeForks(options, found)
}

async function copyDamaged(options: StartOptions, sequence: number, lines: number): Promise<void> {
  const path = segmentPath(options.directory, sequence)
  options.log.error('the journal is damaged: what cannot be read is not counted', { path, lines })
  await copyAside(options, path)
}

/**
 * Copies a damaged file of the journal's directory aside: once, since a start before this one may have done it, and not where there are
 * `mostCopies` already. A full disk must not keep the store from starting.
 */
export async function copyAside(
  { fileSystem, directory, clock, log }: Pick<StartOptions, 'fileSystem' | 'directory' | 'clock' | 'log'>,
  path: string,
  mostCopies: number = Number.POSITIVE_INFINITY,
): Promise<void> {
  const name = path.slice(directory.length + 1)
  try {
    const copies = (await fileSystem.list(directory)).filter(other => other.includes('.corrupt-'))
    if (copies.some(other => other.startsWith(`${name}.corrupt-`))) return
    if (copies.length >= mostCopies) return log.warn('a damaged file is not copied aside: enough were', { path })
    await fileSystem.writeAtomically(asideName(path, 'corrupt', clock()), contentOf(fileSystem, path))
  } catch (error) {
    log.error('the damaged file cannot be copied aside', { path, error: messageOf(error) })
  }
}

async function* contentOf(fileSystem: FileSystem, path: string): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    const part = await fileSystem.read(path, at, COPY_BYTES)
    if (part.length === 0) return
    yield part
    at += part.length
  }
}

/** A group that was being written when the process ended, of which nobody was told that it is kept, and what was laid out for more. */
async function cutTorn(
  { fileSystem, directory, log }: StartOptions,
  { segment, offset, bytes }: Position & { readonly bytes: number },
  segments: Map<number, number>,
): Promise<void> {
  const path = segmentPath(directory, segment)
  if (bytes > 0)
    log.warn('the journal ends within a record: it was cut behind the last whole one', { path, offset, bytes })
  if (offset > 0) {
    await fileSystem.truncate(path, offset)
    segments.set(segment, offset)
  } else {
    await fileSystem.remove(path)
    segments.delete(segment)
  }
}

/** What was read may not be durable yet, and will be counted and recognised as known from now on. */
async function makeDurable({ fileSystem, directory }: JournalFiles, end: Position): Promise<void> {
  const path = segmentPath(directory, end.segment)
  if ((await fileSystem.stat(path)) !== undefined) await fileSystem.sync(path)
  await fileSystem.syncDirectory(directory)
}

/**
 * What two owners kept at the same time becomes one journal: what is new in the forks follows in a segment of its own, which names them, so
 * that no later start counts them again. The forks stay until they are too old. Answers where the journal ends then.
 */
async function mergeForks(options: StartOptions, { replayed, segments }: Found): Promise<Position> {
  const { fileSystem, directory, clock, owner, log } = options
  let { end, total: records } = replayed
  for (let from = 0; from < replayed.forks.length; from += FORKS_AT_ONCE) {
    const forks = replayed.forks.slice(from, from + FORKS_AT_ONCE)
    const sequence = Math.max(end.segment, ...segments.keys()) + 1
    const path = segmentPath(directory, sequence)
    const merged = forks.map(({ sequence, start, end }) => ({ segment: sequence, start, end }))
    let bytes = 0
    async function* content(): AsyncGenerator<Buffer> {
      const held = { owner, merged, records, limits: limitsOf(options) }
      const opening = openingLine(clock(), { format: JOURNAL_FORMAT, previous: end, adopted: false, ...held })
      yield opening
      bytes = opening.length
      for (const fork of forks) {
        for (const line of await linesOfFork(options, fork)) {
          bytes += line.length
          yield line
        }
      }
    }
    await fileSystem.writeAtomically(path, content())
    end = { segment: sequence, offset: bytes }
    segments.set(sequence, bytes)
    records += forks.reduce((sum, fork) => sum + fork.attempts, 0)
    for (const { sequence, beside, records, known } of forks) {
      log.error(
        'two processes wrote to the store at the same time, because its lock was removed: the records of both are kept',
        {
          path: segmentPath(directory, sequence),
          beside: segmentPath(directory, beside),
          records,
          known,
          merged_into: path,
        },
      )
    }
  }
  return end
}

/** A document that is not what this store wrote last is kept: it may be all that someone has. Answers whether another must be written. */
export async function settleDocument(
  { path, fileSystem, clock, log }: Pick<StartOptions, 'path' | 'fileSystem' | 'clock' | 'log'>,
  document: DocumentState,
  end: Position,
): Promise<boolean> {
  if (document.kind === 'missing') return true
  if (document.kind === 'ours' && !isBefore(end, document.position)) return false
  const aside = asideName(path, document.kind === 'damaged' ? 'corrupt' : 'foreign', clock())
  if (document.kind === 'damaged')
    log.error('the document is damaged: it was moved aside', { path, aside, reason: document.reason })
  else log.warn('something else wrote the document: it was moved aside, and the journal goes on', { path, aside })
  await fileSystem.rename(path, aside)
  return true
}

/** The attempts that the document held go into the journal, to be listed; its snapshot, which has counted them, makes it final. */
async function finishAdoption(options: StartOptions, found: Found, adoption: Adoption): Promise<Position> {
  const { fileSystem, directory, path, clock, tally, log } = options
  for (const sequence of [...found.segments.keys()]) {
    await fileSystem.remove(segmentPath(directory, sequence))
    found.segments.delete(sequence)
  }
  const end = await writeAdopted(options, adoption, found.segments)
  const mark: JournalMark = { ...end, records: adoption.attempts.length, resetAt: 0 }
  const spool = await fileSystem.createTemp(tempPath(directory, 'snapshot'))
  try {
    const captured = await captureState(spool, printMark(mark), {
      tally,
      ids: found.ids,
      series: options.series,
      alerts: options.alerts,
    })
    await writeSnapshot(options, found.lastSnapshot + 1, { ...captured, mark })
  } finally {
    await spool.close()
  }
  const { entries, attempts, damaged } = adoption
  log.info('the document was taken in', { path, entries, attempts: attempts.length, damaged: damaged.length })
  if (damaged.length > 0) await fileSystem.rename(path, asideName(path, 'corrupt', clock()))
  return end
}

async function writeAdopted(
  { fileSystem, directory, clock, owner }: StartOptions,
  { attempts }: Adoption,
  segments: Map<number, number>,
): Promise<Position> {
  let end = ORIGIN
  // While one segment is written the next is made.
  let written = Promise.resolve()
  for (let next = 0; next < attempts.length; ) {
    const nowMs = clock()
    const before = next
    const texts: Buffer[] = []
    for (let bytes = 0; next < attempts.length && bytes < ADOPTED_BYTES; next++) {
      const text = Buffer.from(JSON.stringify(attempts[next]!.attempt))
      texts.push(text)
      bytes += text.length
    }
    const sequence = end.segment + 1
    const content = [
      openingLine(nowMs, { format: JOURNAL_FORMAT, previous: end, adopted: true, owner, records: before }),
      recordLines(nowMs, texts),
    ]
    await written
    written = fileSystem.writeAtomically(segmentPath(directory, sequence), content)
    end = { segment: sequence, offset: content[0]!.length + content[1]!.length }
    segments.set(sequence, end.offset)
  }
  await written
  return end
}
