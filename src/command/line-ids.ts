/**
 * Ids of attempts that stand in a file without one, the same whenever the file is read: under whatever name, compressed or not, from standard
 * input, or when it has grown at its end.
 *
 * - Where an attempt states a timestamp, its id is made of what it says and of its number among equal ones. Lines may be added or removed
 *   before it.
 * - Where it states none, much the same may stand in many files. So its id is made of all lines up to it.
 */
import { createHash } from 'node:crypto'

/** Equal attempts are told apart where fewer than this, and at most twice as many, stand between them: about 100 bytes each. */
const REMEMBERED = 500_000

export interface LineIds {
  /** The id of the attempt on the next line that is not empty. Every such line must be passed through here. */
  next(attempt: { readonly timestamp?: unknown }): string
}

export function createLineIds(remembered: number = REMEMBERED): LineIds {
  let before: Buffer = Buffer.alloc(0)
  // How often each content was seen, by a part of its hash: those seen lately, and those before.
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
