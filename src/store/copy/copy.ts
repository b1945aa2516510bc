/**
 * Copies a store into the log of another one. The target holds the stored records of the source in their order, with their times of receipt, and a
 * snapshot of the folded state. So the totals of records that the source no longer holds are copied too, and ids stay known.
 *
 * Each run appends a mark of its beginning, the records that the target lacks, a snapshot, and a mark of its end. A run that was killed leaves a
 * beginning without an end: no sidecar opens that, and the next run continues after the last record.
 */
import { randomUUID } from 'node:crypto'
import { type CopyRecord, type LogRecord, limitsIn, type RecordTimes } from '../../core/fold.ts'
import { type Group, isShared, type Log, LogNotEmpty, LogTruncated, type Position } from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import type { ReadableStore } from '../backend.ts'
import { encodeOne } from '../engine/call.ts'
import { captureState } from '../engine/capture.ts'
import { copyJson, recordJson } from '../record-json.ts'

/** What one group may hold: a group is one transaction and one value of a shared log. */
const GROUP = { records: 2048, bytes: 1024 * 1024 }

export interface CopyOptions {
  readonly source: Pick<ReadableStore, 'state' | 'stored' | 'reach'>
  /** Nothing else may write to it meanwhile. */
  readonly target: Log
  readonly clock: Clock
  /** Receives the number of attempts in the target after each group. */
  readonly onProgress?: ((attempts: number) => void) | undefined
}

export interface Copied {
  /** Attempts that this run appended. */
  readonly attempts: number
  /** Attempts that an earlier run had appended. */
  readonly known: number
  /** Whether some of the source's records are damaged, and therefore in no copy. */
  readonly isDamaged: boolean
}

/**
 * Copies what the target lacks. Rejects with {@link OtherContent} if the target holds something else than the beginning of this copy, and with
 * {@link OtherWriter} if something else was appended meanwhile. After any other rejection, another call goes on where this one ended.
 */
export async function copyStore(options: CopyOptions): Promise<Copied> {
  const { source, target } = options
  const records = createReader(source)
  const held = await matchTarget(target, records)
  const first = await records.next()
  if (first === undefined && held.isDone) return { attempts: 0, known: held.attempts, isDamaged: records.isDamaged }
  const writer = createWriter(options, held)
  await writer.begin(held.isEmpty ? randomUUID() : undefined, (await source.reach()).completeMs)
  for (let record = first; record !== undefined; record = await records.next()) await writer.add(record)
  await writer.flush()
  await putSnapshot(target, writer.position, source.state)
  await writer.end(records.isDamaged ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY)
  return { attempts: writer.attempts - held.attempts, known: held.attempts, isDamaged: records.isDamaged }
}

async function putSnapshot(target: Log, position: Position, state: ReadableStore['state']): Promise<void> {
  const file = await target.temporaryFile()
  try {
    // A log that only one process can open has the limits of the settings.
    const limits = isShared(target.info) ? limitsIn(state) : undefined
    await target.putSnapshot(await captureState(file, position, { ...state, limits }))
  } finally {
    await file.close()
  }
}

type CopiedRecord = Exclude<LogRecord, CopyRecord>

/** Marks of copies say nothing about what was recorded, and limits only where they were raised: others are the settings of a process. */
function isCopied(record: LogRecord): record is CopiedRecord {
  return record.kind === 'limits' ? record.isRaise === true : record.kind !== 'copy'
}

interface RecordReader {
  /** The next record that is copied. Undefined after the last one. */
  next(): Promise<CopiedRecord | undefined>
  readonly isDamaged: boolean
}

function createReader(source: Pick<ReadableStore, 'stored'>): RecordReader {
  const groups = source.stored()[Symbol.asyncIterator]()
  let some: readonly LogRecord[] = []
  let at = 0
  let isDamaged = false
  return {
    async next() {
      for (;;) {
        for (; at < some.length; at++) {
          const record = some[at]!
          if (!isCopied(record)) continue
          at++
          return record
        }
        const group = await groups.next()
        if (group.done === true) return undefined
        isDamaged ||= group.value.isDamaged === true
        some = group.value.records
        at = 0
      }
    },
    get isDamaged() {
      return isDamaged
    },
  }
}

/** What the target holds. */
interface Held {
  readonly isEmpty: boolean
  readonly isDone: boolean
  readonly attempts: number
  readonly position: Position
}

/** Reads the target, and the same records of the source. Throws {@link OtherContent} where they differ. */
async function matchTarget(target: Log, records: RecordReader): Promise<Held> {
  let [isEmpty, isDone, attempts, position] = [true, false, 0, target.info.start]
  try {
    for await (const group of target.read(target.info.start)) {
      for (const record of group.records) {
        if (record.kind === 'limits' && record.isRaise !== true) continue
        // A log that was not begun by a copy holds data of its own, even where it is equal: it may be the source itself.
        if (isEmpty && record.kind !== 'copy') throw new OtherContent()
        isEmpty = false
        if (record.kind === 'copy') isDone = record.isDone
        else requireSame(record, await records.next())
        if (record.kind === 'attempt') attempts++
      }
      position = group.position
    }
  } catch (error) {
    throw error instanceof LogTruncated ? new OtherContent() : error
  }
  return { isEmpty, isDone, attempts, position }
}

function requireSame(record: CopiedRecord, other: CopiedRecord | undefined): void {
  if (other === undefined || recordJson(record) !== recordJson(other)) throw new OtherContent()
}

interface CopyWriter {
  readonly position: Position
  /** Attempts in the target. */
  readonly attempts: number
  /** `writer` names the group's writer if it must be the first of the log. */
  begin(writer: string | undefined, completeMs: number): Promise<void>
  add(record: CopiedRecord): Promise<void>
  flush(): Promise<void>
  end(completeMs: number): Promise<void>
}

/** It is long because its functions share the group that is being filled. */
function createWriter({ target, clock, onProgress }: CopyOptions, held: Held): CopyWriter {
  let { position, attempts } = held
  let number = 0
  let lines: Uint8Array[] = []
  let bytes = 0
  let inGroup = 0

  const lineOf = (times: RecordTimes, json: string): Uint8Array => encodeOne(target.frame(times), json)

  async function append(group: Omit<Group, 'number'>): Promise<void> {
    const kept = await target.append({ ...group, number: group.writer === undefined ? ++number : 1 })
    if (kept.after !== position) throw new OtherWriter()
    ;({ position } = kept)
  }

  async function mark(record: Pick<CopyRecord, 'isDone' | 'completeMs'>, writer?: string): Promise<void> {
    const nowMs = clock()
    const records = lineOf({ nowMs, idMs: nowMs }, copyJson(record))
    await append({ ...(writer !== undefined && { writer }), records, attempts: 0, isReset: false })
  }

  async function flush(): Promise<void> {
    if (lines.length === 0) return
    const records = Buffer.concat(lines)
    const group = { records, attempts: inGroup, isReset: false }
    ;[lines, bytes, inGroup] = [[], 0, 0]
    await append(group)
    onProgress?.(attempts)
  }

  return {
    get position() {
      return position
    },
    get attempts() {
      return attempts
    },
    async begin(writer, completeMs) {
      try {
        await mark({ isDone: false, completeMs }, writer)
      } catch (error) {
        throw error instanceof LogNotEmpty ? new OtherContent() : error
      }
    },
    async add(record) {
      const line = lineOf(record, recordJson(record))
      // The log marks what a reset makes needless, so it is a group of its own.
      if (record.kind === 'reset') {
        await flush()
        return await append({ records: line, attempts: 0, isReset: true })
      }
      lines.push(line)
      bytes += line.length
      if (record.kind === 'attempt') {
        attempts++
        inGroup++
      }
      if (lines.length >= GROUP.records || bytes >= GROUP.bytes) await flush()
    },
    flush,
    end: completeMs => mark({ isDone: true, completeMs }),
  }
}

/** The target holds something else than the beginning of this copy. Nothing was changed. */
export class OtherContent extends Error {
  override readonly name = 'OtherContent'

  constructor() {
    super('it holds other data than a copy of the source')
  }
}

/** Something else was appended to the target during the copy. */
export class OtherWriter extends Error {
  override readonly name = 'OtherWriter'

  constructor() {
    super('another process writes to it')
  }
}
