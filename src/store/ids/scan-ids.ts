/** Finds the ids of the attempts and outcomes in lines of a log, without parsing most of them. */
import { hashBytes } from './hash.ts'

const KEY = Buffer.from('"attempt_id"')
const LF = 0x0a
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPENING_BRACE = 0x7b
const CLOSING_BRACE = 0x7d

/** Receives the hash of an id, and the offset of its line. */
export type OnId = (hash: number, lineStart: number) => void

/**
 * Reads complete lines, each with the JSON of one record. A sender chooses the spelling of an attempt's JSON. A line with a backslash is
 * therefore parsed: it may spell the id, or the name of the field, with escapes.
 */
export function scanIds(lines: Buffer, seed: number, onId: OnId): void {
  for (let at = lines.indexOf(KEY); at >= 0; at = lines.indexOf(KEY, at + KEY.length)) {
    const start = valueStart(lines, at + KEY.length)
    if (start < 0) continue
    const end = lines.indexOf(QUOTE, start)
    if (end < 0) continue
    onId(hashBytes(lines, start, end, seed), lines.lastIndexOf(LF, at) + 1)
  }
  for (let at = lines.indexOf(BACKSLASH); at >= 0; ) {
    const lineStart = lines.lastIndexOf(LF, at) + 1
    const lineEnd = endOf(lines, at)
    for (const id of idsIn(lines, lineStart, lineEnd)) {
      const bytes = Buffer.from(id)
      onId(hashBytes(bytes, 0, bytes.length, seed), lineStart)
    }
    at = lines.indexOf(BACKSLASH, lineEnd)
  }
}

function endOf(lines: Buffer, at: number): number {
  const end = lines.indexOf(LF, at)
  return end < 0 ? lines.length : end
}

/** The offset of the string after a name, -1 if no colon and string follow. */
function valueStart(lines: Buffer, from: number): number {
  let at = skipSpace(lines, from)
  if (lines[at] !== COLON) return -1
  at = skipSpace(lines, at + 1)
  return lines[at] === QUOTE ? at + 1 : -1
}

function skipSpace(lines: Buffer, from: number): number {
  let at = from
  while (lines[at] === 0x20 || lines[at] === 0x09 || lines[at] === 0x0d) at++
  return at
}

/** The ids that a line states, of an attempt or of an outcome. Empty for a damaged line. */
function idsIn(lines: Buffer, start: number, end: number): string[] {
  const from = lines.indexOf(OPENING_BRACE, start)
  const to = lines.lastIndexOf(CLOSING_BRACE, end - 1) + 1
  if (from < 0 || to <= from) return []
  try {
    const { attempt_id, outcome } = JSON.parse(lines.toString('utf8', from, to))
    return [attempt_id, outcome?.attempt_id].filter(id => typeof id === 'string')
  } catch {
    return []
  }
}
