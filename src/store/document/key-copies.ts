/**
 * Copies of keys at one moment, spooled to an unlinked temporary file until they are read one after the other. Thousands of copies on the
 * heap would be megabytes of garbage.
 */
import { NO_OLDER } from '../../core/aggregate/older-outcomes.ts'
import { createSummary, SUMMARY_WIDTH, type Summary } from '../../core/aggregate/summary.ts'
import type { KeyTally } from '../../core/aggregate/tally.ts'
import type { KeySummary } from '../../core/ports.ts'
import type { TempFile } from '../file/file-system.ts'
import { createAlternatingBlocks, createBlockReader } from '../snapshot/block.ts'
import { putKeys, roomOfKeys, takeKeys } from '../snapshot/key-block.ts'

/** Keys that are copied together: some hundred kilobytes. */
const AT_ONCE = 64

export interface KeyCopies {
  /** Adds copies of some keys. Call it again when it has resolved. */
  add(keys: readonly KeyTally[]): Promise<void>
  /** All copies in the order they were added. A copy is valid until the next one is requested. */
  all(): AsyncGenerator<KeySummary>
}

/** Begins without copies. `temporary` must be empty. */
export function createKeyCopies(temporary: TempFile): KeyCopies {
  const newBlock = createAlternatingBlocks()
  const blocks: { readonly keys: readonly KeyTally[]; readonly bytes: number }[] = []
  let writing = Promise.resolve()

  async function* all(): AsyncGenerator<KeySummary> {
    await writing
    const memory = Buffer.allocUnsafeSlow(blocks.reduce((most, { bytes }) => Math.max(most, bytes), 0))
    const rows: Summary[] = Array.from({ length: AT_ONCE }, () => createSummary())
    let at = 0
    for (const { keys, bytes } of blocks) {
      const block = createBlockReader(await temporary.read(at, bytes, memory))
      at += bytes
      const copies = takeKeys(block, keys.length, i => block.row(SUMMARY_WIDTH, rows[i]!))
      for (const [i, { added, numbers, flags }] of copies.entries())
        yield {
          key: keys[i]!.key,
          summary: rows[i]!,
          recent: { numbers, flags, first: 0, added, older: NO_OLDER },
        }
    }
  }

  return {
    async add(keys) {
      const block = newBlock(roomOfKeys(keys))
      for (const _ of putKeys(block, keys, AT_ONCE));
      const bytes = block.bytes()
      blocks.push({ keys, bytes: bytes.length })
      await writing
      writing = temporary.write(bytes)
      // The next call or `all` awaits it. A failure before that would be an unhandled rejection.
      writing.catch(() => undefined)
    },
    all,
  }
}

/** Divides the keys into lists that are copied together. */
export function* inCopies(keys: Iterable<KeyTally>): Generator<readonly KeyTally[]> {
  let some: KeyTally[] = []
  for (const key of keys) {
    if (some.push(key) < AT_ONCE) continue
    yield some
    some = []
  }
  if (some.length > 0) yield some
}
