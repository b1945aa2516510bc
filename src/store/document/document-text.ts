/**
 * The text of the documented file, written whole each time: what has not changed since the last one is taken over from it, byte by byte,
 * and only the rest is made again. What was kept of it is 32 bytes a key.
 */
import { crc32 } from 'node:zlib'
import { agentMetrics, documentEntry, documentHead, uniqueKeyPrinter } from '../../core/aggregate/metrics.ts'
import type { KeyTally, Tally } from '../../core/aggregate/tally.ts'
import type { KeySummary } from '../../core/ports.ts'
import { createEventLoopYield } from '../../lib/event-loop.ts'
import type { TempFile } from '../file/file-system.ts'
import { createKeyCopies, inCopies } from './key-copies.ts'

/** The version of the `journal` member. */
export const DOCUMENT_FORMAT = 1
const CHUNK_BYTES = 64 * 1024
/** What is taken over at a stretch. */
const COPIED_BYTES = 1024 * 1024

/** The position of each key in a document, by the key's number. */
export interface DocumentMap {
  /** The keys it is of: others after a reset. */
  readonly keys: readonly KeyTally[]
  /** Where the first key begins, and each of them ends. */
  readonly start: number
  readonly ends: readonly number[]
  /** How often each key had changed. */
  readonly changes: readonly number[]
  /** The CRC-32 of each key's bytes. */
  readonly checksums: readonly number[]
}

/** What a document is made of: it stands still while attempts go on being counted. */
export interface CapturedDocument {
  readonly keys: readonly KeyTally[]
  readonly changes: readonly number[]
  /** Whether each key must be printed: it is taken over where not. */
  readonly isPrinted: readonly boolean[]
  /** Copies of those that must be, in the order of the keys. Each is valid until the next one is requested. */
  copies(): AsyncGenerator<KeySummary>
}

/**
 * The state for the next document, `last` being what the one before it holds. Nothing may be counted until it resolves. What must be printed
 * is copied to `temporary`, in slices.
 */
export async function captureDocument(
  tally: Tally,
  last: DocumentMap | undefined,
  temporary: TempFile,
): Promise<CapturedDocument> {
  const keys = tally.keys()
  const known = last?.keys === keys ? last.changes : []
  const changes = keys.map(key => key.changes)
  const isPrinted = changes.map((change, i) => change !== known[i])
  const copies = createKeyCopies(temporary)
  const pause = createEventLoopYield()
  for (const some of inCopies(keys.filter((_, i) => isPrinted[i]))) {
    await copies.add(some)
    await pause()
  }
  return { keys, changes, isPrinted, copies: copies.all }
}

/** Thrown where the last document is not what was written. */
export class DocumentChanged extends Error {
  override readonly name = 'DocumentChanged'
}

export interface DocumentOptions {
  readonly captured: CapturedDocument
  readonly lastUpdated: string
  /** States which part of the log it covers. */
  readonly covers: object
  /** What the numbers of the state mean that it is written from. */
  readonly fingerprint: string
  /** The last document, where anything of it may be taken over. */
  readonly last: DocumentMap | undefined
  /** Reads the last document; what is read may stand in `into`. */
  readonly read: (offset: number, length: number, into: Buffer) => Promise<Buffer>
  /** Lets others have their turn between two pieces. */
  readonly pause: () => Promise<unknown>
}

/**
 * Generates the bytes of a document in pieces that do not block the event loop for long. Returns the positions of its keys. A piece is
 * valid until the next one is requested. After `metrics`, the document states how much of the journal it covers, with a checksum of all
 * bytes before that. Throws {@link DocumentChanged}.
 */
export async function* documentChunks(options: DocumentOptions): AsyncGenerator<Buffer, DocumentMap> {
  const { captured, fingerprint, covers } = options
  const text = createText()
  const ends: number[] = []
  const checksums: number[] = []
  text.print(documentHead(options.lastUpdated))
  const start = text.length
  for await (const entry of entries(options)) {
    checksums.push('printed' in entry ? crc32(text.print(entry.printed)) : entry.checksum)
    if ('bytes' in entry) text.add(entry.bytes)
    ends.push(text.length)
    if (text.pending < CHUNK_BYTES) continue
    yield text.take()
    await options.pause()
  }
  const member = JSON.stringify({ format: DOCUMENT_FORMAT, fingerprint, ...covers }).slice(0, -1)
  text.print(`\n},\n"journal": ${member},`)
  text.print(`"crc32":"${text.checksum.toString(16).padStart(8, '0')}"}}\n`)
  yield text.take()
  return { keys: captured.keys, start, ends, changes: captured.changes, checksums }
}

/** The entry of a key: printed now, or copied from the last document. */
type Entry = { readonly printed: string } | { readonly bytes: Buffer; readonly checksum: number }

/** What stands under each key, in their order. */
async function* entries({ captured, last, read }: DocumentOptions): AsyncGenerator<Entry> {
  const { keys, isPrinted } = captured
  const printed = uniqueKeyPrinter()
  const copies = captured.copies()
  let memory: Buffer | undefined
  for (let i = 0; i < isPrinted.length; ) {
    if (isPrinted[i]) {
      const copy: KeySummary = (await copies.next()).value
      yield { printed: documentEntry(printed(copy.key), agentMetrics(copy), i === 0) }
      i++
      continue
    }
    const from = startOf(last!, i)
    const until = endOfRun(isPrinted, last!, i)
    const length = last!.ends[until - 1]! - from
    memory ??= Buffer.allocUnsafeSlow(COPIED_BYTES)
    const run = await read(from, length, length <= memory.length ? memory : Buffer.allocUnsafe(length))
    for (; i < until; i++) {
      // In its turn, for the sake of the names behind it.
      printed(keys[i]!.key)
      const bytes = run.subarray(startOf(last!, i) - from, last!.ends[i]! - from)
      const checksum = crc32(bytes)
      if (checksum !== last!.checksums[i]) throw new DocumentChanged('something else changed the document')
      yield { bytes, checksum }
    }
  }
}

interface Text {
  /** Of all that was added, and its CRC-32. */
  readonly length: number
  readonly checksum: number
  /** Bytes that were added and not taken. */
  readonly pending: number
  add(piece: Uint8Array): void
  /** Adds a text. Returns its bytes, which are valid until something else is added. */
  print(piece: string): Uint8Array
  /** Removes the pending bytes, which are valid until something is added. */
  take(): Buffer
}

/** A character of a string takes at most so many bytes. */
const MOST_BYTES = 3

/** One buffer for a whole document. A new buffer per chunk causes garbage collection that delays requests. */
function createText(): Text {
  let buffer = Buffer.allocUnsafe(2 * CHUNK_BYTES)
  let pending = 0
  let length = 0
  let checksum = 0

  function makeRoom(bytes: number): void {
    if (pending + bytes <= buffer.length) return
    buffer = Buffer.concat([buffer.subarray(0, pending)], 2 * (pending + bytes))
  }

  function added(bytes: number): Uint8Array {
    const piece = buffer.subarray(pending, pending + bytes)
    pending += bytes
    length += bytes
    checksum = crc32(piece, checksum)
    return piece
  }

  return {
    get length() {
      return length
    },
    get checksum() {
      return checksum
    },
    get pending() {
      return pending
    },
    add(piece) {
      makeRoom(piece.length)
      buffer.set(piece, pending)
      added(piece.length)
    },
    print(piece) {
      makeRoom(MOST_BYTES * piece.length)
      return added(buffer.write(piece, pending))
    },
    take() {
      const chunk = buffer.subarray(0, pending)
      pending = 0
      return chunk
    },
  }
}

const startOf = (map: DocumentMap, i: number): number => map.ends[i - 1] ?? map.start

/** The first key from the `from`-th on that is printed, or stands too far behind to be taken over with it. */
function endOfRun(isPrinted: readonly boolean[], last: DocumentMap, from: number): number {
  let end = from + 1
  while (end < isPrinted.length && !isPrinted[end] && last.ends[end]! - startOf(last, from) <= COPIED_BYTES) end++
  return end
}
