/**
 * The records of a group in a log that several sidecars share: one line each, `[nowMs,idMs,JSON]`. SQL reads a group as one JSON array after
 * replacing the line feeds by commas.
 */
import type { LogRecord, RecordTimes } from '../../core/fold.ts'
import type { RecordFrame } from '../../core/log.ts'
import { readRecord } from '../record-json.ts'

/** The end of a record: `]` and a line feed. */
const END = Buffer.from(']\n')

/** Returns {@link Log.frame}. A group has few different times, so the last frame is kept. */
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

/** Parses the records of a group. Throws where one is of a kind that this version does not know. */
export function readRecords(text: string): LogRecord[] {
  // One parse for all lines. JSON has no raw line feed inside a string.
  const parsed = JSON.parse(`[${text.trimEnd().replaceAll('\n', ',')}]`) as [number, number, Record<string, unknown>][]
  return parsed.map(([nowMs, idMs, value]) => {
    const record = readRecord({ nowMs, idMs }, value)
    if (record === undefined) throw new UnknownRecord(value)
    return record
  })
}

/** The log holds a record that this version cannot fold. Skipping it would make this sidecar's answers differ from the others'. */
export class UnknownRecord extends Error {
  override readonly name = 'UnknownRecord'
  readonly exitCode = 78

  constructor(value: Readonly<Record<string, unknown>>) {
    super(
      `the log holds a record of a newer version, with the members ${Object.keys(value).join(', ')}: update this sidecar`,
    )
  }
}
