/**
 * The documented file on disk. Behind `metrics` it states how much of the journal it covers, and a checksum of everything before. So it can be
 * trusted without parsing.
 */
import { isAscii } from 'node:buffer'
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { NewerFormat, UnusablePath } from '../file/errors.ts'
import type { FileSystem } from '../file/file-system.ts'
import { DOCUMENT_FORMAT } from './document-text.ts'

/** The documented `version`. */
const VERSION = 1
const READ_BYTES = 1024 * 1024
const TAIL_BYTES = 512
/** What a JavaScript string can hold, with room to spare. */
const PARSED_BYTES = 400 * 1024 * 1024
/** The `journal` member at the end. Its checksum covers all bytes before the checksum. Only the white space of JSON is allowed. */
const TAIL = /"journal":[ \t\r\n]*(\{[^{}]*?)("crc32":[ \t\r\n]*"[^"]*"[ \t\r\n]*\})[ \t\r\n]*\}[ \t\r\n]*$/

interface JournalMember {
  readonly format: number
  readonly fingerprint?: string
  readonly crc32: string
}

export type DocumentState<Place> =
  | { readonly kind: 'missing' }
  /** This program wrote it. It counts everything in the journal before `position`. */
  | { readonly kind: 'ours'; readonly position: Place; readonly fingerprint: string | undefined }
  /** Something else wrote or changed it. Parsed, unless it is too large. */
  | { readonly kind: 'foreign'; readonly parsed?: ParsedDocument }
  | { readonly kind: 'damaged'; readonly reason: string }

export interface InspectOptions<Place> {
  /** Reads the position from what `createDocumentWriter` wrote. Undefined if it is of another log. */
  readonly readPlace: (covers: Readonly<Record<string, unknown>>) => Place | undefined
  /** A larger document that states it is ours is trusted without reading all of it. Others are read completely. */
  readonly trustedBytes?: number
  /** The previous result for the path. A document that has not changed is not parsed again. */
  readonly known?: DocumentState<Place> | undefined
}

/** Inspects the document at the path. Changes nothing. Throws {@link NewerFormat} and {@link UnusablePath}. */
export async function inspectDocument<Place>(
  fileSystem: Pick<FileSystem, 'stat' | 'read'>,
  path: string,
  { trustedBytes = Number.POSITIVE_INFINITY, known, readPlace }: InspectOptions<Place>,
): Promise<DocumentState<Place>> {
  const stat = await fileSystem.stat(path)
  if (stat === undefined) return { kind: 'missing' }
  if (stat.kind === 'directory') throw new UnusablePath(path, 'it is a directory')
  if (stat.kind === 'other') throw new UnusablePath(path, 'it is a symbolic link or no regular file')
  const tailAt = Math.max(0, stat.size - TAIL_BYTES)
  const tail = (await fileSystem.read(path, tailAt, TAIL_BYTES)).toString('latin1')
  const found = TAIL.exec(tail)
  const member = found === null ? undefined : readMember(path, parse(found[1]! + found[2]!))
  const position = member && readPlace({ ...member })
  if (found !== null && member !== undefined && position !== undefined) {
    const covered = tailAt + found.index + found[0].indexOf(found[2]!)
    if (stat.size > trustedBytes || hex(await checksumOf(fileSystem, path, covered)) === member.crc32)
      return { kind: 'ours', position, fingerprint: member.fingerprint }
  }
  // Too large to read here. The code that needs its content reports a fault.
  if (stat.size > PARSED_BYTES) return { kind: 'foreign' }
  const value = await parseDocument(fileSystem, path, known?.kind === 'foreign' ? known.parsed : undefined)
  return typeof value === 'string' ? { kind: 'damaged', reason: value } : { kind: 'foreign', parsed: value }
}

async function checksumOf(fileSystem: Pick<FileSystem, 'read'>, path: string, length: number): Promise<number> {
  const memory = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, length))
  let checksum = 0
  for (let at = 0; at < length; ) {
    const part = await fileSystem.read(path, at, Math.min(READ_BYTES, length - at), memory)
    if (part.length === 0) break
    checksum = crc32(part, checksum)
    at += part.length
  }
  return checksum
}

const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0')

/** A parsed document. Its entries are not validated. */
export interface ParsedDocument {
  readonly metrics: Readonly<Record<string, unknown>>
  /** The CRC-32 of its bytes. */
  readonly checksum: number
  /** The SHA-256 of its bytes in hex. */
  readonly digest: string
}

/** Parses the document at the path. Returns the reason if it is no document. Throws {@link NewerFormat} and {@link UnusablePath}. */
export async function parseDocument(
  fileSystem: Pick<FileSystem, 'stat' | 'read'>,
  path: string,
  known?: ParsedDocument,
): Promise<ParsedDocument | string> {
  const size = (await fileSystem.stat(path))?.size ?? 0
  if (size > PARSED_BYTES) throw new UnusablePath(path, `it is too large to be read: ${size} bytes`)
  // Reading it in parts costs less than allocating memory for all of it.
  if (known !== undefined && (await checksumOf(fileSystem, path, size)) === known.checksum) return known
  const bytes = await fileSystem.read(path, 0, size)
  const checksum = crc32(bytes)
  const text = textOf(bytes)
  if (text === undefined) return 'it is not UTF-8'
  const parsed = parseDocumentText(path, text)
  return typeof parsed === 'string'
    ? parsed
    : { ...parsed, checksum, digest: createHash('sha256').update(bytes).digest('hex') }
}

/** Parses the text of a document. Returns the reason if it is no document. Throws {@link NewerFormat}. `path` is its name in messages. */
export function parseDocumentText(path: string, text: string): Pick<ParsedDocument, 'metrics'> | string {
  const value = parse(text) ?? parse(withoutConstants(text))
  if (value === undefined) return 'it is not JSON'
  if (!isObject(value) || !isObject(value.metrics)) return 'it holds no metrics'
  if (typeof value.version === 'string' && Number.parseFloat(value.version) > VERSION) {
    throw new NewerFormat(path, value.version, `${VERSION}.0`)
  }
  readMember(path, value.journal)
  return { metrics: value.metrics }
}

/** Undefined if the bytes are not UTF-8. Most documents are ASCII, which is decoded several times as fast. */
function textOf(bytes: Buffer): string | undefined {
  if (isAscii(bytes)) return bytes.toString('latin1')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function readMember(path: string, value: unknown): JournalMember | undefined {
  if (!isObject(value) || typeof value.format !== 'number') return undefined
  const { format, crc32: sum } = value
  if (format > DOCUMENT_FORMAT) throw new NewerFormat(path, format, DOCUMENT_FORMAT)
  return typeof sum === 'string' ? (value as unknown as JournalMember) : undefined
}

/**
 * Python writes NaN and Infinity without quotes, which is not JSON. An object in their place is invalid as a number and as a name. So only the
 * entry or the attempt that contains it is lost. Strings stay as they are.
 */
function withoutConstants(text: string): string {
  return text.replace(/("[^"\\]*(?:\\.[^"\\]*)*")|-?\bInfinity\b|\bNaN\b/gs, (found, quoted?: string) =>
    quoted === undefined ? JSON.stringify({ [found]: true }) : quoted,
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
