/**
 * The texts of all attempts of a request, in memory that is used again as soon as they are let go: fresh memory costs more than what is put
 * into it.
 */
import type { NewAttempt } from '../../core/attempt/attempt.ts'
import type { Texts } from '../../core/ports.ts'
import { printAttempt } from './attempt-text.ts'

/** The JSON of attempts, as far as it is at hand. */
export interface AttemptTexts extends Texts {
  /** Memory that is used again. */
  readonly pages: Buffer[]
  /** Text that is not yet in its page. */
  waiting: string
  /** Where the next text stands in its page. */
  next: number
}

const PAGE_BYTES = 64 * 1024
/** As many as the requests that are mostly at work at once take. */
const MAX_SPARE = 32
/** To write costs more than to join what is short. */
const MAX_WAITING = 8 * 1024

const spare: Buffer[] = []

/** No texts yet. */
export function noTexts(): AttemptTexts {
  return { sources: [], starts: [], ends: [], pages: [], waiting: '', next: 0 }
}

/** Adds the text of the next attempt, whose own texts are plain; undefined where it is not at hand. */
export function addText(texts: AttemptTexts, attempt: NewAttempt | undefined): void {
  const printed = attempt === undefined ? '' : printAttempt(attempt)
  // Digits of a second there may be any number of.
  const text = printed.length > MAX_WAITING ? '' : printed
  if (texts.next + text.length > PAGE_BYTES) turnPage(texts)
  texts.waiting += text
  texts.starts.push(texts.next)
  texts.next += text.length
  texts.ends.push(texts.next)
  if (texts.waiting.length > MAX_WAITING) writeWaiting(texts, openPage(texts))
}

/** All texts that were added, one an attempt. Nothing more can be added. */
export function textsOf(texts: AttemptTexts): Texts {
  // What is little need not have a page of its own.
  const { pages, waiting } = texts
  writeWaiting(texts, pages.length > 0 ? openPage(texts) : Buffer.allocUnsafe(waiting.length))
  return texts
}

/** Bytes of memory that the texts take. */
export function heldBytesOf({ pages, waiting }: AttemptTexts): number {
  return pages.length * PAGE_BYTES + waiting.length
}

/** Texts that are needed no more. */
export function letTextsGo({ pages }: AttemptTexts): void {
  for (const page of pages) if (spare.length < MAX_SPARE) spare.push(page)
  pages.length = 0
}

function turnPage(texts: AttemptTexts): void {
  writeWaiting(texts, openPage(texts))
  texts.next = 0
}

/** The page that is written to; a new one where nothing was yet. */
function openPage({ pages, waiting, next }: AttemptTexts): Buffer {
  const isNew = waiting.length === next
  if (isNew) pages.push(spare.pop() ?? Buffer.allocUnsafeSlow(PAGE_BYTES))
  return pages[pages.length - 1]!
}

function writeWaiting(texts: AttemptTexts, page: Buffer): void {
  const { sources, starts, ends } = texts
  page.write(texts.waiting, texts.next - texts.waiting.length, 'latin1')
  texts.waiting = ''
  for (let i = sources.length; i < starts.length; i++) sources.push(starts[i]! < ends[i]! ? page : undefined)
}
