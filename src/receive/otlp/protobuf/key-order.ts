/** Finds attribute names by their bytes. A sender mostly writes attributes in the same order: try the name that came next last time. */
import { isUnescapedText, knownName, learnName } from './known-names.ts'

/** An attribute name. */
export interface Key {
  readonly bytes: Uint8Array
  /** The slot of its value, or -1. */
  readonly slot: number
  /** Whether its values are mostly new, such as times and ids: caching them would displace others. */
  readonly isFresh: boolean
  /** The name that followed it last time. */
  next: Key | undefined
}

/** A bounded set of known names. */
export interface KeyOrder {
  /** Precedes the first attribute of every record. */
  readonly first: Key
  /** The name of `length` bytes from `start`, which follows `behind`; undefined where it needs escapes. */
  find(bytes: Buffer, start: number, length: number, behind: Key): Key | undefined
}

/** The most known names. */
const MAX_KEYS = 512
/** The longest known name, in bytes. */
const MAX_LENGTH = 64

/** Creates an order. `fresh` names the attributes whose values are mostly new. */
export function createKeyOrder(slots: ReadonlyMap<unknown, number>, fresh: ReadonlySet<string>): KeyOrder {
  const keys = new Map<string, Key>()
  const keyOf = (name: string): Key => ({
    bytes: Buffer.from(name),
    slot: slots.get(name) ?? -1,
    isFresh: fresh.has(name),
    next: undefined,
  })
  const first = keyOf('')

  function find(bytes: Buffer, start: number, length: number, behind: Key): Key | undefined {
    const { next } = behind
    if (next !== undefined && isAt(next.bytes, bytes, start, length)) return next
    const name = nameAt(bytes, start, length)
    if (name === undefined) return undefined
    const key = keys.get(name) ?? keyOf(name)
    if (keys.size >= MAX_KEYS && !keys.has(name)) return key
    keys.set(name, key)
    behind.next = key
    return key
  }

  return { first, find }
}

function isAt(name: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (name.length !== length) return false
  for (let i = 0; i < length; i++) if (name[i] !== bytes[start + i]) return false
  return true
}

function nameAt(bytes: Buffer, start: number, length: number): string | undefined {
  if (length > MAX_LENGTH) return undefined
  const known = knownName(bytes, start, length)
  if (known !== undefined || !isUnescapedText(bytes, start, start + length)) return known
  return learnName(bytes.toString('latin1', start, start + length))
}
