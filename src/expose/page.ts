/**
 * Text made as bytes in one piece of memory. What is said again is copied from where it stands already: joining and encoding
 * strings, and what they leave to the garbage collector, would be most of the cost of a scrape.
 */

export interface Page {
  readonly bytes: Buffer
  /** Where it goes on. */
  at: number
}

/** No number takes more with the end of its line: the longest is `-0.0000012345678901234567`. */
export const NUMBER_BYTES = 26
/** No text takes more for each of its UTF-16 units. */
export const CHARACTER_BYTES = 3
/** Up to so many bytes a loop is done before a call into the engine has begun. */
const FEW = 12
const [LINE_FEED, POINT, ZERO] = [10, 46, 48]
const INT32_END = 2 ** 31

export function createPage(size: number): Page {
  return { bytes: Buffer.allocUnsafeSlow(size), at: 0 }
}

export function hasRoom(page: Page, bytes: number): boolean {
  return page.at + bytes <= page.bytes.length
}

/** All that has been put. */
export function written(page: Page): Buffer {
  return page.bytes.subarray(0, page.at)
}

// What puts something takes room for granted.

export function putText(page: Page, text: string): void {
  page.at += page.bytes.write(text, page.at)
}

export function putBytes(page: Page, piece: Uint8Array): void {
  const { bytes, at } = page
  if (piece.length > FEW) bytes.set(piece, at)
  else for (let i = 0; i < piece.length; i++) bytes[at + i] = piece[i]!
  page.at = at + piece.length
}

/** Puts again what stands between two places. */
export function putAgain(page: Page, from: number, to: number): void {
  page.bytes.copyWithin(page.at, from, to)
  page.at += to - from
}

/** A number as the text format spells it, and the end of its line. */
export function putNumber(page: Page, value: number): void {
  // Nearly all numbers are whole or, as sums of seconds, hold a few thousandths: the engine takes ten times as long for them.
  const whole = value | 0
  if (value === whole && value >= 0) putWhole(page, whole)
  else putDecimal(page, value, whole)
  page.bytes[page.at++] = LINE_FEED
}

function putDecimal(page: Page, value: number, whole: number): void {
  const thousandths = Math.round(value * 1000)
  if (value > 0 && value < INT32_END && thousandths / 1000 === value) {
    // A decimal of so few digits is always the shortest of those that are nearest to the same double.
    putWhole(page, whole)
    putFraction(page, thousandths - 1000 * whole)
  } else putAscii(page, numberText(value))
}

function putWhole(page: Page, value: number): void {
  const { bytes } = page
  let end = page.at + 1
  for (let limit = 10; limit <= value; limit *= 10) end++
  page.at = end
  let rest = value
  do {
    const tens = Math.trunc(rest / 10)
    bytes[--end] = ZERO + rest - 10 * tens
    rest = tens
  } while (rest > 0)
}

/** One to three digits: none is a 0 at the end. */
function putFraction(page: Page, thousandths: number): void {
  page.bytes[page.at++] = POINT
  for (let rest = thousandths, unit = 100; rest > 0; unit /= 10) {
    const digit = Math.trunc(rest / unit)
    page.bytes[page.at++] = ZERO + digit
    rest -= unit * digit
  }
}

function putAscii(page: Page, text: string): void {
  const { bytes, at } = page
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
  page.at = at + text.length
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}
