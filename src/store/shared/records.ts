/**
 * The records of a group in a log that several sidecars share: one line each, `[nowMs,idMs,JSON]`. SQL reads a group as one JSON array after
 * replacing the line feeds by commas.
 */
import type { LogRecord, RecordTimes } from '../../core/fold.ts'
import { NewerRecord, type RecordFrame } from '../../core/log.ts'
import { RECORD_VERSION, readRecord } from '../record-json.ts'

/** The end of a record: `]` and a line feed. */
const END = Buffer.from(']\n')

/** Returns {@link Log.frame}. Most records of a group have the same times, so the last frame is reused. */
export function createFrames(): (times: RecordTimes) => RecordFrame {
  let last: (RecordTimes & { readonly frame: RecordFrame }) | undefined
  return ({ nowMs, idMs }) => {
    if (last?.nowMs !== nowMs || last.idMs !== idMs) last = { nowMs, idMs, frame: createFrame(nowMs, idMs) }
    return last.frame
  }
}

function createFrame(nowMs: number, idMs: number): RecordFrame {
  return {
    before: Buffer.from(`[${nowMs},${idMs},`),
    after: END.length,
    seal(bytes, _start, end) {
      bytes.set(END, end)
      return end + END.length
    },
  }
}

/** The records of a group as one JSON array, without their times. */
export function recordsText(text: string): string {
  const lines = text.trimEnd().split('\n')
  return `[${lines.map(line => line.slice(line.indexOf('{'), -1)).join(',')}]`
}

/** Parses the records of a group. Throws {@link NewerRecord}. */
export function readRecords(text: string): LogRecord[] {
  // One parse for all lines. JSON has no raw line feed inside a string.
  const parsed = JSON.parse(`[${text.trimEnd().replaceAll('\n', ',')}]`) as [number, number, Record<string, unknown>][]
  return parsed.map(([nowMs, idMs, value]) => {
    const record = readRecord({ nowMs, idMs }, value)
    if (record === undefined) throw new NewerRecord(undefined, RECORD_VERSION)
    return record
  })
}
