/**
 * Writes text as bytes into one preallocated buffer. Text that repeats is copied within the buffer. Joining and encoding strings, and
 * collecting the garbage, would be most of the cost of a scrape (benchmark row "/metrics, 10,000 lines").
 */

export interface TextBuffer {
  readonly bytes: Buffer
  /** Offset of the next write. */
  at: number
}

/** Maximum bytes of a number and its line end. The longest is `-0.0000012345678901234567`. */
export const NUMBER_BYTES = 26
/** Maximum UTF-8 bytes of one UTF-16 code unit. */
export const CHARACTER_BYTES = 3
/** For pieces of at most this many bytes, a loop is faster than a call of `Buffer.set`. */
const LOOP_BYTES = 12
const [LINE_FEED, POINT, ZERO] = [10, 46, 48]
const INT32_END = 2 ** 31

export function createTextBuffer(size: number): TextBuffer {
  return { bytes: Buffer.allocUnsafeSlow(size), at: 0 }
}

export function hasSpaceFor(buffer: TextBuffer, bytes: number): boolean {
  return buffer.at + bytes <= buffer.bytes.length
}

/** A view of everything that was added so far. */
export function contents(buffer: TextBuffer): Buffer {
  return buffer.bytes.subarray(0, buffer.at)
}

// The functions below do not check for space: call hasSpaceFor first.

export function appendText(buffer: TextBuffer, text: string): void {
  buffer.at += buffer.bytes.write(text, buffer.at)
}

export function appendBytes(buffer: TextBuffer, piece: Uint8Array): void {
  const { bytes, at } = buffer
  if (piece.length > LOOP_BYTES) bytes.set(piece, at)
  else for (let i = 0; i < piece.length; i++) bytes[at + i] = piece[i]!
  buffer.at = at + piece.length
}

/** Appends the bytes between two offsets of the buffer again. */
export function repeatBytes(buffer: TextBuffer, from: number, to: number): void {
  buffer.bytes.copyWithin(buffer.at, from, to)
  buffer.at += to - from
}

/** Appends a number in the syntax of the text format, and a line end. */
export function appendNumber(buffer: TextBuffer, value: number): void {
  // Nearly all numbers are integers or have at most three decimals. For those this is ten times as fast as String(value).
  const whole = value | 0
  if (value === whole && value >= 0) appendInteger(buffer, whole)
  else appendDecimal(buffer, value, whole)
  buffer.bytes[buffer.at++] = LINE_FEED
}

function appendDecimal(buffer: TextBuffer, value: number, whole: number): void {
  const thousandths = Math.round(value * 1000)
  if (value > 0 && value < INT32_END && thousandths / 1000 === value) {
    // With so few digits, this decimal is always the shortest one that parses to the same double, as String(value) prints it.
    appendInteger(buffer, whole)
    appendFraction(buffer, thousandths - 1000 * whole)
  } else appendAscii(buffer, numberText(value))
}

function appendInteger(buffer: TextBuffer, value: number): void {
  const { bytes } = buffer
  let end = buffer.at + 1
  for (let limit = 10; limit <= value; limit *= 10) end++
  buffer.at = end
  let rest = value
  do {
    const tens = Math.trunc(rest / 10)
    bytes[--end] = ZERO + rest - 10 * tens
    rest = tens
  } while (rest > 0)
}

/** Appends one to three decimals without trailing zeros. */
function appendFraction(buffer: TextBuffer, thousandths: number): void {
  buffer.bytes[buffer.at++] = POINT
  for (let rest = thousandths, unit = 100; rest > 0; unit /= 10) {
    const digit = Math.trunc(rest / unit)
    buffer.bytes[buffer.at++] = ZERO + digit
    rest -= unit * digit
  }
}

function appendAscii(buffer: TextBuffer, text: string): void {
  const { bytes, at } = buffer
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
  buffer.at = at + text.length
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}
