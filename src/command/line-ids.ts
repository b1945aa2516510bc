/**
 * Derives ids for attempts without one. An id does not depend on the file's name or compression, or on lines appended later.
 *
 * - The id of an attempt with a timestamp is a hash of its content and its number among equal attempts. Lines before it may change.
 * - Attempts without a timestamp may be equal in different files. Their id is a hash of all lines up to them.
 */
import { createHash } from 'node:crypto'

/**
 * Counts of equal attempts are kept for at least this many distinct attempts, and at most twice as many. Equal attempts further apart get
 * the same id. Takes about 100 bytes each.
 */
const REMEMBERED = 500_000

export interface LineIds {
  /** The id of the attempt on the next non-empty line. Must be called for every such line. */
  next(attempt: { readonly timestamp?: unknown }): string
}

export function createLineIds(remembered: number = REMEMBERED): LineIds {
  let before: Buffer = Buffer.alloc(0)
  // How often each content occurred, by a prefix of its hash, in two generations.
  let recent = new Map<number, number>()
  let older = new Map<number, number>()

  function numberOf(hash: Buffer): number {
    const key = hash.readUIntBE(0, 6)
    const nth = recent.get(key) ?? older.get(key) ?? 0
    if (recent.size >= remembered && !recent.has(key)) [older, recent] = [recent, new Map()]
    recent.set(key, nth + 1)
    return nth
  }

  return {
    next(attempt) {
      const content = JSON.stringify(attempt)
      before = createHash('sha256').update(before).update(content).digest()
      const isDated = typeof attempt.timestamp === 'string'
      if (!isDated) return `import:${before.toString('hex').slice(0, 32)}`
      const hash = createHash('sha256').update(content).digest()
      const nth = numberOf(hash)
      return `import:${createHash('sha256').update(hash).update(`${nth}`).digest('hex').slice(0, 32)}`
    },
  }
}
