/** Writes the documented file whenever something was counted, and says how that went. */

import { dirname } from 'node:path'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import type { Tally } from '../../core/aggregate/tally.ts'
import type { Clock } from '../../core/ports.ts'
import type { Engine } from '../engine/engine.ts'
import { createThrottledWriter, type ThrottledWriter } from '../engine/throttled-writer.ts'
import type { Counters } from '../file/counters.ts'
import type { Scratch } from '../file/file-system.ts'
import type { Journal } from '../file/journal/journal.ts'
import type { Position } from '../file/journal/position.ts'
import type { JournalFiles } from '../file/journal/segments.ts'
import { type Hold, scratchPath, stagedDocument } from '../file/lock/directory.ts'
import { settleDocument } from '../file/recovery/repair.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { fingerprintOf, OWN_SCHEMA } from '../snapshot/schema.ts'
import { type DocumentState, inspectDocument } from './document.ts'
import { captureDocument, DocumentChanged, type DocumentMap, documentChunks } from './document-text.ts'

/** The part of all time that may be spent writing under load. */
const SHARE = 0.02
/** How long others have between two pieces of it, each of which takes about half a millisecond to make. */
const PAUSE_MS = 1

export interface DocumentWriterOptions extends JournalFiles {
  readonly path: string
  readonly tally: Tally
  readonly clock: Clock
  readonly log: Logger
  readonly counters: Counters
  readonly journal: Journal
  readonly engine: Pick<Engine, 'between' | 'pending'>
  readonly hold: Pick<Hold, 'loss' | 'assertHeld'>
  /** Where the journal ended at the start; set where the document was taken at its word then, to be checked now. */
  readonly unchecked: Position | undefined
}

export interface DocumentWriter extends Omit<ThrottledWriter, 'stop'> {
  /** Writes what is to be written, for the last time. */
  close(): Promise<void>
}

export function createDocumentWriter(options: DocumentWriterOptions): DocumentWriter {
  const { path, directory, fileSystem, tally, clock, log, journal, engine, hold } = options
  const counters = options.counters.document
  const staged = stagedDocument(directory)

  /** What the document at the path holds; undefined where this process did not write it. */
  let last: DocumentMap | undefined

  let unchecked = options.unchecked

  /** Reads the whole document that was found at the start, which nothing there had to wait for; one that is damaged is kept aside. */
  async function checkFound(): Promise<void> {
    if (unchecked === undefined || hold.loss() !== undefined) return
    const document = await inspectDocument(fileSystem, path).catch(
      (error): DocumentState => ({ kind: 'damaged', reason: messageOf(error) }),
    )
    const isGone = await settleDocument(options, document, unchecked)
    unchecked = undefined
    if (isGone) writer.request()
  }

  /**
   * A turn of the event loop between two pieces is not enough where attempts come all the time: half of the time would go into the document,
   * and who waits for an answer would wait for many of them.
   */
  function letOthersGo(): Promise<unknown> {
    return engine.pending.calls > 0 ? pause(PAUSE_MS) : nextTurn()
  }

  async function write(): Promise<void> {
    await checked
    // The outage has reported it, and asks for a document when it ends.
    if (hold.loss() !== undefined) return
    await checkFound()
    const startMs = performance.now()
    const scratch = await fileSystem.scratch(scratchPath(directory, 'document'))
    try {
      await writeFrom(scratch, startMs)
    } finally {
      await scratch.close()
    }
  }

  async function writeFrom(scratch: Scratch, startMs: number): Promise<void> {
    const before = last
    const [position, captured] = await engine.between(
      async () => [journal.end, await captureDocument(tally, before, scratch)] as const,
    )
    const lastUpdated = new Date(clock()).toISOString()
    const read = (offset: number, length: number, into: Buffer): Promise<Buffer> =>
      fileSystem.read(path, offset, length, into)
    const fingerprint = fingerprintOf(OWN_SCHEMA, tally.times.save())
    const covered = { position, fingerprint, lastUpdated }
    const chunks = documentChunks({ captured, ...covered, last: before, read, pause: letOthersGo })
    let bytes = 0
    let map: DocumentMap | undefined
    async function* counted(): AsyncGenerator<Buffer> {
      for (;;) {
        const next = await chunks.next()
        if (next.done === true) {
          map = next.value
          return
        }
        bytes += next.value.length
        yield next.value
      }
    }
    last = undefined
    await fileSystem.writeAtomically(staged, counted())
    // The document may be another owner's by now.
    hold.assertHeld()
    await fileSystem.rename(staged, path)
    await fileSystem.syncDirectory(dirname(path))
    last = map
    Object.assign(counters, { bytes, seconds: (performance.now() - startMs) / 1000, lastSuccessMs: clock() })
    counters.writes++
    log.debug('the document was written', { path, bytes, keys: captured.changes.length })
  }

  /** Where it is not what this process wrote, all of it is made again, at once. */
  async function writeAgain(): Promise<void> {
    try {
      await write()
    } catch (error) {
      if (!(error instanceof DocumentChanged)) throw error
      log.warn('something else changed the document: it is written anew', { path })
      await write()
    }
  }

  const writer = createThrottledWriter({
    write: writeAgain,
    share: SHARE,
    onError(error) {
      counters.errors++
      log.error('the document cannot be written: the one before it stays', { path, error: messageOf(error) })
    },
  })

  // What cannot be moved aside is not overwritten either: the next write tries again.
  const checked = checkFound().catch(error => {
    log.error('the document that was found cannot be moved aside', { path, error: messageOf(error) })
  })

  return {
    request: writer.request,
    flush: writer.flush,
    async close() {
      await checked
      writer.stop()
      await writer.flush()
    },
  }
}
