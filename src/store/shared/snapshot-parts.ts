/** Snapshots as rows of at most one megabyte. */
import { crc32 } from 'node:zlib'
import type { CapturedSnapshot } from '../../core/log.ts'

const PART_BYTES = 1024 * 1024

/** The bytes of a snapshot in parts. */
export async function* partsOf(snapshot: CapturedSnapshot): AsyncGenerator<Uint8Array> {
  for await (const chunk of snapshot.bytes())
    for (let at = 0; at < chunk.length; at += PART_BYTES) yield chunk.subarray(at, at + PART_BYTES)
}

/**
 * Joins parts to the blocks of the snapshot. `read` returns a part by its index, and undefined behind the last one. Throws a RangeError where a
 * part is missing or a block has another checksum.
 */
export async function* blocksOf(
  blocks: CapturedSnapshot['blocks'],
  read: (part: number) => Promise<Uint8Array | undefined>,
): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0)
  let part = 0
  for (const { bytes, checksum } of blocks) {
    const parts = [rest]
    for (let held = rest.length; held < bytes; ) {
      const next = await read(part++)
      if (next === undefined) throw new RangeError('a part of the snapshot is missing')
      parts.push(Buffer.from(next.buffer, next.byteOffset, next.byteLength))
      held += next.byteLength
    }
    const all = Buffer.concat(parts)
    const block = all.subarray(0, bytes)
    if (crc32(block) !== checksum) throw new RangeError('a block of the snapshot has another checksum')
    yield block
    rest = all.subarray(bytes)
  }
}
