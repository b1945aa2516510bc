/**
 * A cache of recent names by their bytes. It holds unescaped names only: printable ASCII without quotes and backslashes, which JSON spells
 * without escapes.
 */

/** The longest cached name, in bytes. With the number of slots it bounds the memory. */
const MAX_LENGTH = 64
/** A power of two. Names with the same slot replace each other. */
const SLOTS = 512

const names: string[] = new Array(SLOTS).fill('')

/** The cached name that `length` bytes from `start` spell. */
export function knownName(bytes: Uint8Array, start: number, length: number): string | undefined {
  if (length > MAX_LENGTH) return undefined
  let hash = length
  for (let i = start; i < start + length; i++) hash = mixed(hash, bytes[i]!)
  const name = names[slotOf(hash)]!
  if (name.length !== length) return undefined
  for (let i = 0; i < length; i++) {
    if (name.charCodeAt(i) !== bytes[start + i]) return undefined
  }
  return name
}

/** Caches a name that needs no escapes. Returns it. */
export function learnName(name: string): string {
  if (name.length > MAX_LENGTH) return name
  let hash = name.length
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (!isUnescapedCode(code)) return name
    hash = mixed(hash, code)
  }
  names[slotOf(hash)] = name
  return name
}

/** Whether the bytes from `start` to `end` spell a string that needs no escapes. */
export function isUnescapedText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (!isUnescapedCode(bytes[i]!)) return false
  return true
}

/** Whether a string needs no escapes in JSON. */
export function isUnescaped(name: string): boolean {
  for (let i = 0; i < name.length; i++) if (!isUnescapedCode(name.charCodeAt(i))) return false
  return true
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

const isUnescapedCode = (code: number): boolean => code >= 0x20 && code <= 0x7e && code !== QUOTE && code !== BACKSLASH

const mixed = (hash: number, byte: number): number => Math.imul(hash, 31) + byte
const slotOf = (hash: number): number => hash & (SLOTS - 1)
