/** The raw JSON of the attempts of one request, in reused pages: allocating fresh memory costs more than writing it. */
import type { NewAttempt } from '../../core/attempt/attempt.ts'
import type { RawJson } from '../../core/ports.ts'
import { printAttempt } from './print-attempt.ts'

/** Raw JSON that grows attempt by attempt. */
export interface RawJsonPages extends RawJson {
  readonly pages: Buffer[]
  /** JSON that is not yet written to its page. */
  pending: string
  /** Offset of the next attempt in its page. */
  next: number
}

const PAGE_BYTES = 64 * 1024
/** Free pages that are kept: about what the requests that run at the same time need. */
const MAX_FREE_PAGES = 32
/** One write of a long string costs less than many of short ones. */
const MAX_PENDING = 8 * 1024

const freePages: Buffer[] = []

/** An empty list. */
export function noRawJson(): RawJsonPages {
  return { sources: [], starts: [], ends: [], pages: [], pending: '', next: 0 }
}

/** Appends the JSON of the next attempt, whose strings need no escapes. For undefined, the store serializes the attempt itself. */
export function addRawJson(rawJson: RawJsonPages, attempt: NewAttempt | undefined): void {
  const printed = attempt === undefined ? '' : printAttempt(attempt)
  // A timestamp may have any number of decimal places.
  const text = printed.length > MAX_PENDING ? '' : printed
  if (rawJson.next + text.length > PAGE_BYTES) closePage(rawJson)
  rawJson.pending += text
  rawJson.starts.push(rawJson.next)
  rawJson.next += text.length
  rawJson.ends.push(rawJson.next)
  if (rawJson.pending.length > MAX_PENDING) writePending(rawJson, currentPage(rawJson))
}

/** Writes what is pending. Append nothing afterwards. */
export function finishRawJson(rawJson: RawJsonPages): RawJson {
  // A small request needs no page of its own.
  const { pages, pending } = rawJson
  writePending(rawJson, pages.length > 0 ? currentPage(rawJson) : Buffer.allocUnsafe(pending.length))
  return rawJson
}

/** Bytes of memory in use. */
export function heldBytesOf({ pages, pending }: RawJsonPages): number {
  return pages.length * PAGE_BYTES + pending.length
}

/** Gives the pages back for reuse. The raw JSON must not be read afterwards. */
export function releasePages({ pages }: RawJsonPages): void {
  for (const page of pages) if (freePages.length < MAX_FREE_PAGES) freePages.push(page)
  pages.length = 0
}

function closePage(rawJson: RawJsonPages): void {
  writePending(rawJson, currentPage(rawJson))
  rawJson.next = 0
}

/** The page that is written to. It is taken when the first attempt of a page is written. */
function currentPage({ pages, pending, next }: RawJsonPages): Buffer {
  const isNew = pending.length === next
  if (isNew) pages.push(freePages.pop() ?? Buffer.allocUnsafeSlow(PAGE_BYTES))
  return pages[pages.length - 1]!
}

function writePending(rawJson: RawJsonPages, page: Buffer): void {
  const { sources, starts, ends } = rawJson
  page.write(rawJson.pending, rawJson.next - rawJson.pending.length, 'latin1')
  rawJson.pending = ''
  for (let i = sources.length; i < starts.length; i++) sources.push(starts[i]! < ends[i]! ? page : undefined)
}
