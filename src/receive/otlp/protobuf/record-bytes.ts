/**
 * A log record of protobuf, read without making a tree of it: what is asked for of its attributes goes from the bytes to its slots, and the
 * tree is made only where somebody asks for more. What is not plain is left to decode.ts, so that there is one place which knows all.
 */
import type { LogRecord } from '../schema.ts'
import { type AttributeBytes, plainTextOf, RECORD_DEPTH, readAttribute } from './attribute-bytes.ts'
import { decodeWithin } from './decode.ts'
import { isPlainText } from './known-names.ts'
import { contentEnd, integerEnd } from './wire-bytes.ts'

/** The records of a request, one after the other. */
export interface RecordBytes extends AttributeBytes {
  start: number
  end: number
  /** Where a time stands; 0 where there is none. */
  timeAt: number
  observedAt: number
  eventName: string
  hasIds: boolean
  hasBody: boolean
  /** The tree, where it was asked for. */
  whole: LogRecord | undefined
}

const TIME = 0x09
const SEVERITY_NUMBER = 0x10
const SEVERITY_TEXT = 0x1a
const BODY = 0x2a
const ATTRIBUTE = 0x32
const DROPPED_ATTRIBUTES = 0x38
const FLAGS = 0x45
const TRACE_ID = 0x4a
const SPAN_ID = 0x52
const OBSERVED_TIME = 0x59
const EVENT_NAME = 0x62

/** Reads the record from `start` to `end`; false where that has to be left to decode.ts. */
export function readRecord(it: RecordBytes, start: number, end: number): boolean {
  begin(it, start, end)
  let pos = start
  while (pos < end) {
    pos = it.bytes[pos] === ATTRIBUTE ? readAttribute(it, pos + 1, end) : readField(it, it.bytes[pos]!, pos + 1)
    if (pos < 0) return false
  }
  return pos === end
}

function begin(it: RecordBytes, start: number, end: number): void {
  it.start = start
  it.end = end
  it.timeAt = 0
  it.observedAt = 0
  it.eventName = ''
  it.hasIds = false
  it.hasBody = false
  it.isPlain = true
  it.whole = undefined
  it.key = it.keys.first
  const { values } = it
  for (let slot = 0; slot < values.length; slot++) values[slot] = undefined
}

/** Reads a field that is no attribute; answers where it ends, or -1. */
function readField(it: RecordBytes, tag: number, pos: number): number {
  if (tag === TIME) {
    it.timeAt = pos
    return pos + 8
  }
  if (tag === OBSERVED_TIME) {
    it.observedAt = pos
    return pos + 8
  }
  if (tag === FLAGS) return pos + 4
  if (tag === SEVERITY_NUMBER || tag === DROPPED_ATTRIBUTES) return integerEnd(it, pos, it.end)
  const end = contentEnd(it, pos, it.end)
  if (end < 0) return -1
  if (tag === TRACE_ID || tag === SPAN_ID) it.hasIds ||= end > it.pos
  else if (tag === EVENT_NAME) return readEventName(it, it.pos, end)
  else if (tag === BODY) return readBody(it, it.pos, end)
  else if (tag !== SEVERITY_TEXT || !isPlainText(it.bytes, it.pos, end)) return -1
  return end
}

function readEventName(it: RecordBytes, start: number, end: number): number {
  const name = plainTextOf(it, start, end, false)
  if (name === undefined) return -1
  it.eventName = name
  return end
}

function readBody(it: RecordBytes, start: number, end: number): number {
  it.hasBody = true
  if (start === end || decodeWithin(it.reading, 'AnyValue', start, end, RECORD_DEPTH + 1) !== undefined) return end
  return -1
}

/**
 * The record that was read last, as the tree of it would be: rules look at it as they look at any. A class, because an object with getters of its
 * own has a shape of its own too, and shapes are born old: each would keep its request in memory until all garbage is collected.
 */
export class ReadRecord implements LogRecord {
  readonly #it: RecordBytes

  constructor(it: RecordBytes) {
    this.#it = it
  }

  get timeUnixNano(): string | undefined {
    return nanosAt(this.#it, this.#it.timeAt)
  }

  get observedTimeUnixNano(): string | undefined {
    return nanosAt(this.#it, this.#it.observedAt)
  }

  get body(): LogRecord['body'] {
    return this.#it.hasBody ? wholeOf(this.#it).body : undefined
  }

  get attributes(): LogRecord['attributes'] {
    return wholeOf(this.#it).attributes
  }

  get traceId(): LogRecord['traceId'] {
    return this.#it.hasIds ? wholeOf(this.#it).traceId : undefined
  }

  get spanId(): LogRecord['spanId'] {
    return this.#it.hasIds ? wholeOf(this.#it).spanId : undefined
  }

  get eventName(): string {
    return this.#it.eventName
  }
}

function nanosAt({ view }: RecordBytes, at: number): string | undefined {
  return at === 0 ? undefined : String(view.getBigUint64(at, true))
}

function wholeOf(it: RecordBytes): LogRecord {
  it.whole ??= (decodeWithin(it.reading, 'LogRecord', it.start, it.end, RECORD_DEPTH) ?? {}) as LogRecord
  return it.whole
}
