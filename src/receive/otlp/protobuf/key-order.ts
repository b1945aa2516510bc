/** The names of attributes, found by their bytes: those of one sender mostly come in the same order, and are looked for in it first. */
import { isPlainText, knownName, learnName } from './known-names.ts'

/** A name, and what is known of it. */
export interface Key {
  readonly bytes: Uint8Array
  /** The slot that is asked for by it, or -1. */
  readonly slot: number
  /** Whether its values are mostly new ones, such as times and ids, and not worth to be remembered. */
  readonly isFresh: boolean
  /** What came behind it last. */
  next: Key | undefined
}

/** All names that were met, as long as there are few of them. */
export interface KeyOrder {
  /** What stands before the first attribute of every record. */
  readonly first: Key
  /** The name of `length` bytes from `start`, behind another one; undefined where it is not plain. */
  find(bytes: Buffer, start: number, length: number, behind: Key): Key | undefined
}

/** Names that are remembered. */
const MAX_KEYS = 512
/** A longer one is left to others. */
const MAX_LENGTH = 64

/** Names of which some have slots, and some values that are mostly new ones. */
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
  if (known !== undefined || !isPlainText(bytes, start, start + length)) return known
  return learnName(bytes.toString('latin1', start, start + length))
}
