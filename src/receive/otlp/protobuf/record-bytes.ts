/**
 * Reads a log record from protobuf bytes without decoding all of it: the values that the mapping needs go to their slots. A rule that needs
 * more decodes the whole record. Uncommon records are left to decode.ts, which alone knows every form.
 */
import type { LogRecord } from '../schema.ts'
import { type AttributeBytes, RECORD_DEPTH, readAttribute, unescapedTextOf } from './attribute-bytes.ts'
import { decodeWithin } from './decode.ts'
import { isUnescapedText } from './known-names.ts'
import { contentEnd, integerEnd } from './wire-bytes.ts'

/** The records of a request, one after the other. */
export interface RecordBytes extends AttributeBytes {
  start: number
  end: number
  /** The position of a time. 0 if there is none. */
  timeAt: number
  observedAt: number
  eventName: string
  hasIds: boolean
  hasBody: boolean
  /** The decoded record, once a rule needed it. */
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

/** Reads the record from `start` to `end`; false where the request must be decoded. */
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
  it.isUnescaped = true
  it.whole = undefined
  it.key = it.keys.first
  const { values } = it
  for (let slot = 0; slot < values.length; slot++) values[slot] = undefined
}

/** Reads a field that is not an attribute. Returns where it ends, or -1. */
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
  else if (tag !== SEVERITY_TEXT || !isUnescapedText(it.bytes, it.pos, end)) return -1
  return end
}

function readEventName(it: RecordBytes, start: number, end: number): number {
  const name = unescapedTextOf(it, start, end, false)
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
 * The record that was read last, with the interface of a decoded one. A class: an object literal with getters has a hidden class of its own,
 * which V8 allocates in the old space, where it keeps its request in memory until a full garbage collection.
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
