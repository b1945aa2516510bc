/** Reads the blocks of a file in batches, one batch ahead of the consumer. */
import type { BlockEntry } from './file-head.ts'

/** Blocks of about this size are read in one call, because each call costs a turn of the thread pool. */
const BATCH_BYTES = 2 * 1024 * 1024

export type ReadBytes = (offset: number, length: number, into?: Buffer) => Promise<Buffer>

/** Blocks that are read in one call. */
interface Batch {
  bytes: number
  readonly lengths: number[]
}

/**
 * Yields the blocks from `start` on, in batches. A block stays valid until the next batch is requested. Two buffers alternate, because a
 * new buffer for each batch would cause many GC runs during a start.
 */
export async function* readAhead(
  read: ReadBytes,
  start: number,
  entries: readonly BlockEntry[],
): AsyncGenerator<Buffer[]> {
  const batches = batchesOf(entries)
  const maxBytes = batches.reduce((bytes, batch) => Math.max(bytes, batch.bytes), 0)
  const buffers = [Buffer.allocUnsafeSlow(maxBytes), Buffer.allocUnsafeSlow(maxBytes)] as const
  let from = start
  const readBatch = (batch: number): Promise<Buffer> => {
    const { bytes } = batches[batch]!
    const reading = read(from, bytes, buffers[batch % 2])
    from += bytes
    // Avoids an unhandled rejection if the consumer stops before this batch is awaited.
    reading.catch(() => undefined)
    return reading
  }
  let reading = batches.length > 0 ? readBatch(0) : undefined
  for (const [i, { lengths }] of batches.entries()) {
    const bytes = await reading!
    reading = i + 1 < batches.length ? readBatch(i + 1) : undefined
    let end = 0
    yield lengths.map(length => {
      end += length
      return bytes.subarray(end - length, end)
    })
  }
}

function batchesOf(entries: readonly BlockEntry[]): Batch[] {
  const batches: Batch[] = []
  for (const { bytes } of entries) {
    const last = batches.at(-1)
    if (last === undefined || last.bytes + bytes > BATCH_BYTES) batches.push({ bytes, lengths: [bytes] })
    else {
      last.bytes += bytes
      last.lengths.push(bytes)
    }
  }
  return batches
}
