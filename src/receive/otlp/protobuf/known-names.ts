/** Names that came lately, as text, by their bytes. All of them are plain: printable ASCII which JSON spells as it is. */

/** Bytes of a name at the most; with the number of places this bounds the memory. */
const MAX_LENGTH = 64
/** A power of two. Two names of the same place push each other out. */
const PLACES = 512

const names: string[] = new Array(PLACES).fill('')

/** The text of `length` bytes from `start`, if it came lately. */
export function knownName(bytes: Uint8Array, start: number, length: number): string | undefined {
  if (length > MAX_LENGTH) return undefined
  let hash = length
  for (let i = start; i < start + length; i++) hash = mixed(hash, bytes[i]!)
  const name = names[placeOf(hash)]!
  if (name.length !== length) return undefined
  for (let i = 0; i < length; i++) {
    if (name.charCodeAt(i) !== bytes[start + i]) return undefined
  }
  return name
}

/** Remembers a name, and returns it. One that is not plain is left out. */
export function learnName(name: string): string {
  if (name.length > MAX_LENGTH) return name
  let hash = name.length
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (!isPlainCode(code)) return name
    hash = mixed(hash, code)
  }
  names[placeOf(hash)] = name
  return name
}

/** Whether all bytes from `start` to `end` are plain characters. */
export function isPlainText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (!isPlainCode(bytes[i]!)) return false
  return true
}

/** The same of a text. */
export function isPlainName(name: string): boolean {
  for (let i = 0; i < name.length; i++) if (!isPlainCode(name.charCodeAt(i))) return false
  return true
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

const isPlainCode = (code: number): boolean => code >= 0x20 && code <= 0x7e && code !== QUOTE && code !== BACKSLASH

const mixed = (hash: number, byte: number): number => Math.imul(hash, 31) + byte
const placeOf = (hash: number): number => hash & (PLACES - 1)
