/**
 * Finds attribute names by their bytes. A sender mostly writes attributes in the same order: try the name that came next last time. Without
 * that, the rows of bench/otlp.ts for whole requests in protobuf take 18 % longer for log records, and 24 % for spans.
 */
import { textAt, type Wire } from './wire.ts'

/** An attribute name. */
export interface Key {
  readonly bytes: Uint8Array
  /** The slot of its value, or -1. */
  readonly slot: number
  /** The name that followed it last time. */
  next: Key | undefined
}

/** A bounded set of known names. */
export interface KeyOrder {
  /** Precedes the first attribute of every record. */
  readonly first: Key
  /** The name from `start` to `end`, which follows `behind`. */
  find(it: Wire, start: number, end: number, behind: Key): Key
}

/** The most known names. */
const MAX_KEYS = 512
/** The longest known name, in bytes. */
const MAX_LENGTH = 64

/** Creates an order. */
export function createKeyOrder(slots: ReadonlyMap<unknown, number>): KeyOrder {
  const keys = new Map<string, Key>()
  const keyOf = (name: string): Key => ({
    bytes: Buffer.from(name),
    slot: slots.get(name) ?? -1,
    next: undefined,
  })

  function find(it: Wire, start: number, end: number, behind: Key): Key {
    const { next } = behind
    if (next !== undefined && isAt(next.bytes, it.bytes, start, end)) return next
    const name = textAt(it, start, end)
    const known = keys.get(name)
    if (known === undefined && (end - start > MAX_LENGTH || keys.size >= MAX_KEYS)) return keyOf(name)
    const key = known ?? keyOf(name)
    keys.set(name, key)
    behind.next = key
    return key
  }

  return { first: keyOf(''), find }
}

function isAt(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false
  return true
}
