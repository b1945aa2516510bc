/**
 * Copies of keys as they stood, in a file without a name until they are asked for, one after the other: thousands in memory would be garbage
 * by the megabyte when they were used.
 */
import { unpackRow } from '../../core/aggregate/packed-rows.ts'
import { createSummary, SUMMARY_WIDTH } from '../../core/aggregate/summary.ts'
import type { KeyTally } from '../../core/aggregate/tally.ts'
import type { KeySummary } from '../../core/ports.ts'
import { createBlockReader, createBlocksInTurns } from './block.ts'
import type { Scratch } from './file-system.ts'
import { putKeys, roomOfKeys, takeKeys } from './key-block.ts'

/** Some hundred kilobytes. */
const AT_ONCE = 64

export interface KeyCopies {
  /** Adds copies of some keys. The next come when it has resolved. */
  add(keys: readonly KeyTally[]): Promise<void>
  /** All copies in the order they were added. Each stands until the next is asked for. */
  all(): AsyncGenerator<KeySummary>
}

/** Empty. All that is in `scratch` is its own. */
export function createKeyCopies(scratch: Scratch): KeyCopies {
  const newBlock = createBlocksInTurns()
  const blocks: { readonly keys: readonly KeyTally[]; readonly bytes: number }[] = []
  let writing = Promise.resolve()

  async function* all(): AsyncGenerator<KeySummary> {
    await writing
    const memory = Buffer.allocUnsafeSlow(blocks.reduce((most, { bytes }) => Math.max(most, bytes), 0))
    const summary = createSummary()
    let at = 0
    for (const { keys, bytes } of blocks) {
      const block = await scratch.read(at, bytes, memory)
      at += bytes
      const { added, held, rows, numbers, flags } = takeKeys(createBlockReader(block), keys.length)
      let first = 0
      for (const [i, { key }] of keys.entries()) {
        unpackRow(rows, rows.starts[i]!, SUMMARY_WIDTH, summary)
        yield { key, summary, recent: { numbers, flags, first, places: held[i]!, added: added[i]! } }
        first += held[i]!
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
      writing = scratch.write(bytes)
      // It is awaited by whoever comes next.
      writing.catch(() => undefined)
    },
    all,
  }
}

/** The keys in lists that are copied together. */
export function* inCopies(keys: Iterable<KeyTally>): Generator<readonly KeyTally[]> {
  let some: KeyTally[] = []
  for (const key of keys) {
    if (some.push(key) < AT_ONCE) continue
    yield some
    some = []
  }
  if (some.length > 0) yield some
}
