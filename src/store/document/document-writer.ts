/** Keeps the documented file up to date with a store, whatever its log. */

import { dirname } from 'node:path'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import type { Position } from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import type { Engine } from '../engine/engine.ts'
import type { WriteCounters } from '../engine/snapshots.ts'
import { createThrottledWriter, type ThrottledWriter } from '../engine/throttled-writer.ts'
import type { FileSystem, TempFile } from '../file/file-system.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../messages.ts'
import { fingerprintOf, OWN_SCHEMA } from '../snapshot/schema.ts'
import { captureDocument, DocumentChanged, type DocumentMap, documentChunks } from './document-text.ts'

/** The share of the time that writing may take under load. */
const SHARE = 0.02
/** Pause between two chunks under load, in milliseconds. Serializing a chunk takes about half a millisecond. */
const PAUSE_MS = 1

export interface DocumentWriterOptions {
  readonly engine: Pick<Engine, 'between' | 'pending' | 'position' | 'state' | 'add'>
  readonly path: string
  /** Where the document is written before it is renamed to `path`. */
  readonly staged: string
  /** The path of an unlinked temporary file, for copies of the state. */
  readonly temporary: string
  readonly fileSystem: Pick<FileSystem, 'read' | 'createTemp' | 'writeAtomically' | 'rename' | 'syncDirectory'>
  readonly clock: Clock
  readonly log: Logger
  readonly counters: WriteCounters
  /** How the document states the position that it covers. `{ position }` by default. */
  readonly covers?: ((position: Position) => object) | undefined
  readonly guard?: DocumentGuard | undefined
}

/** Protects a document that is at the path already. */
export interface DocumentGuard {
  /** Called once. Calls `request` if the document must be written again. */
  begin(request: () => void): Promise<void>
  /** False if nothing may be written now. Rejects if the document at the path may not be replaced yet. */
  mayWrite(): Promise<boolean>
  /** Throws if the document at the path may belong to another process by now. */
  assertOwned(): void
}

export type DocumentWriter = Omit<ThrottledWriter, 'stop'>

/** Writes the document whenever the state changes, until the engine is closed. The first one is written on request. */
export function createDocumentWriter(options: DocumentWriterOptions): DocumentWriter {
  const { engine, path, staged, fileSystem, clock, log, counters, guard } = options
  const covers = options.covers ?? ((position: Position) => ({ position }))
  const { tally } = engine.state

  /** Where each key is in the document at the path. Undefined if this process did not write it. */
  let last: DocumentMap | undefined

  /** Without a pause, the document would take half of the time under load, and requests would wait. */
  function yieldToRequests(): Promise<unknown> {
    return engine.pending.calls > 0 ? delay(PAUSE_MS) : nextTurn()
  }

  async function write(): Promise<void> {
    await begun
    if (guard !== undefined && !(await guard.mayWrite())) return
    const startMs = performance.now()
    const temporary = await fileSystem.createTemp(options.temporary)
    try {
      await writeFrom(temporary, startMs)
    } finally {
      await temporary.close()
    }
  }

  async function writeFrom(temporary: TempFile, startMs: number): Promise<void> {
    const before = last
    const [position, captured] = await engine.between(
      async () => [engine.position, await captureDocument(tally, before, temporary)] as const,
    )
    const lastUpdated = new Date(clock()).toISOString()
    const read = (offset: number, length: number, into: Buffer): Promise<Buffer> =>
      fileSystem.read(path, offset, length, into)
    const fingerprint = fingerprintOf(OWN_SCHEMA, tally.times.save())
    const covered = { covers: covers(position), fingerprint, lastUpdated }
    const chunks = documentChunks({ captured, ...covered, last: before, read, pause: yieldToRequests })
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
    guard?.assertOwned()
    await fileSystem.rename(staged, path)
    await fileSystem.syncDirectory(dirname(path))
    last = map
    Object.assign(counters, { bytes, seconds: (performance.now() - startMs) / 1000, lastSuccessMs: clock() })
    counters.writes++
    log.debug('the document was written', { path, bytes, keys: captured.changes.length })
  }

  /** If another program changed the document, all entries are printed again, at once. */
  async function writeAgain(): Promise<void> {
    try {
      await write()
    } catch (error) {
      if (!(error instanceof DocumentChanged)) throw error
      log.warn('another program changed the document: it is written again', { path })
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

  const begun = guard?.begin(writer.request)
  engine.add({
    changed: writer.request,
    async close() {
      await begun
      writer.stop()
      await writer.flush()
    },
  })
  return { request: writer.request, flush: writer.flush }
}
