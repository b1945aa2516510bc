/**
 * The text of the documented file, which is written completely each time. Entries that have not changed are copied from the last document,
 * and only the others are printed. Memory of the last document takes 32 bytes per key.
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
/** Entries that are next to each other in the last document are copied in reads of about this size. */
const COPIED_BYTES = 1024 * 1024

/** The position of each key in a document, by the index of the key. */
export interface DocumentMap {
  /** The keys of the document. A reset begins another list. */
  readonly keys: readonly KeyTally[]
  /** The offset at which the first key begins, and the offsets at which each ends. */
  readonly start: number
  readonly ends: readonly number[]
  /** How often each key had changed. */
  readonly changes: readonly number[]
  /** The CRC-32 of each key's bytes. */
  readonly checksums: readonly number[]
}

/** The state that a document is printed from. It does not change while later attempts are counted. */
export interface CapturedDocument {
  readonly keys: readonly KeyTally[]
  readonly changes: readonly number[]
  /** Whether each key must be printed. Otherwise its entry is copied from the last document. */
  readonly isPrinted: readonly boolean[]
  /** Copies of those that must be, in the order of the keys. Each is valid until the next one is requested. */
  copies(): AsyncGenerator<KeySummary>
}

/**
 * Captures the state for the next document. `last` describes the last document. Nothing may be counted until this resolves. Keys that must be
 * printed are copied to `temporary`, in slices.
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

/** The last document is not what this process wrote. */
export class DocumentChanged extends Error {
  override readonly name = 'DocumentChanged'
}

export interface DocumentOptions {
  readonly captured: CapturedDocument
  readonly lastUpdated: string
  /** States which part of the log it covers. */
  readonly covers: object
  /** The fingerprint of the schema of the state. */
  readonly fingerprint: string
  /** Undefined if nothing may be copied from the last document. */
  readonly last: DocumentMap | undefined
  /** Reads the last document. The result may use the memory of `into`. */
  readonly read: (offset: number, length: number, into: Buffer) => Promise<Buffer>
  /** Yields to the event loop between two pieces. */
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

/** The entries of all keys, in their order. */
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
      // Later keys of the same name get another one: the printer must see every key, in order.
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

/** The index of the first key after `from` that must be printed, or does not fit into the same read. */
function endOfRun(isPrinted: readonly boolean[], last: DocumentMap, from: number): number {
  let end = from + 1
  while (end < isPrinted.length && !isPrinted[end] && last.ends[end]! - startOf(last, from) <= COPIED_BYTES) end++
  return end
}
