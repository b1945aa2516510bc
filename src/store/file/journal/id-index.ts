/**
 * Looks up attempts by their ids. The index of a segment is built when it is first searched, newest segment first, and is only extended
 * afterwards: a segment never changes below its end.
 */
import type { LogRecord } from '../../../core/fold.ts'
import type { Log } from '../../../core/log.ts'
import { findAttempts, type IndexedPart, inOrder } from '../../ids/find-attempts.ts'
import { createIdColumns } from '../../ids/id-columns.ts'
import { createPartCache, type IndexedUpTo, type PartCache } from '../../ids/part-cache.ts'
import { scanIds } from '../../ids/scan-ids.ts'
import { errorCode } from '../errors.ts'
import { salvage } from '../recovery/scan.ts'
import { type ChainOptions, type Extent, readChain } from './extents.ts'
import { decodeLine } from './record.ts'
import { segmentPath } from './segments.ts'

/** Bytes that are scanned at once. Nothing else runs meanwhile: 512 KB took 4.6 ms of CPU. */
const SCANNED_BYTES = 128 * 1024
/** Records that are no further apart are read at once. */
const GAP_BYTES = 64 * 1024
/** Longer than most lines. */
const LINE_BYTES = 4096
/** Bytes that are read at once at the most, but for a longer line. */
const READ_BYTES = 1024 * 1024
const LF = 0x0a

/** `seed` of the hashes: random, so that no client can choose ids that share one. */
export function createFind(chainNow: () => ChainOptions, seed: number): Log['find'] {
  const cache = createPartCache<number>()
  // Lookups run one after the other. A new buffer for each read would make garbage of a megabyte each, and a store without outcomes needs none.
  let buffer: Buffer | undefined
  return inOrder(async ids => {
    buffer ??= Buffer.allocUnsafeSlow(READ_BYTES + GAP_BYTES + LINE_BYTES)
    const options = chainNow()
    const { extents } = await readChain(options)
    cache.removeBelow(extents[0]?.sequence ?? Number.POSITIVE_INFINITY)
    return await findAttempts(ids, seed, partsOf(options, extents, { cache, seed, buffer }))
  })
}

interface Search {
  readonly cache: PartCache<number>
  readonly seed: number
  readonly buffer: Buffer
}

async function* partsOf(
  options: ChainOptions,
  extents: readonly Extent[],
  { cache, seed, buffer }: Search,
): AsyncGenerator<IndexedPart> {
  for (const { sequence, end, state } of extents.toReversed()) {
    if (state === 'absent') continue
    const path = segmentPath(options.directory, sequence)
    const known = cache.get(sequence)
    const index = known !== undefined && known.end <= end ? known : { ids: createIdColumns(), end: 0 }
    try {
      if (index.end < end) await extend(options, path, index, { end, seed, buffer })
    } catch (error) {
      // Retention removed the segment meanwhile.
      if (errorCode(error) === 'ENOENT') continue
      throw error
    }
    cache.set(sequence, index)
    yield { ids: index.ids, read: places => readRecords(options, path, places, { end, buffer }) }
  }
}

/** Scans the lines behind the index, up to `end`. A line without an end is left out, as a read of it would be. */
async function extend(
  { fileSystem }: ChainOptions,
  path: string,
  index: IndexedUpTo<number>,
  { end, seed, buffer }: Pick<Search, 'seed' | 'buffer'> & { readonly end: number },
): Promise<void> {
  const file = await fileSystem.open(path)
  try {
    for (let length = SCANNED_BYTES; index.end < end; ) {
      const { end: start } = index
      const bytes = await file.read(start, Math.min(length, end - start), length <= buffer.length ? buffer : undefined)
      const whole = bytes.lastIndexOf(LF) + 1
      if (whole === 0) {
        // A line that is longer, or the segment is shorter than it should be.
        if (bytes.length < Math.min(length, end - start) || start + bytes.length >= end) return
        length *= 4
        continue
      }
      scanIds(bytes.subarray(0, whole), seed, (hash, lineStart) => index.ids.add(hash, start + lineStart))
      index.end = start + whole
    }
  } finally {
    await file.close()
  }
}

async function readRecords(
  { fileSystem }: ChainOptions,
  path: string,
  places: readonly number[],
  { end, buffer }: { readonly end: number; readonly buffer: Buffer },
): Promise<LogRecord[]> {
  const records: LogRecord[] = []
  const file = await fileSystem.open(path)
  try {
    for (let i = 0; i < places.length; ) {
      const start = places[i]!
      let next = i + 1
      while (
        next < places.length &&
        places[next]! - places[next - 1]! <= GAP_BYTES &&
        places[next]! - start < READ_BYTES
      )
        next++
      const last = places[next - 1]!
      const bytes = await readLines(
        length => file.read(start, length, length <= buffer.length ? buffer : undefined),
        last - start,
        end - start,
      )
      for (; i < next; i++) addRecords(records, bytes, places[i]! - start)
    }
  } finally {
    await file.close()
  }
  return records
}

/** Reads at least up to the end of the line that begins at `last`. */
async function readLines(read: (length: number) => Promise<Buffer>, last: number, available: number): Promise<Buffer> {
  for (let length = last + LINE_BYTES; ; length *= 4) {
    const bytes = await read(Math.min(length, available))
    if (bytes.length < length || bytes.indexOf(LF, last) >= 0) return bytes
  }
}

/** Adds the record of a line, or those of a damaged line that can be read. */
function addRecords(records: LogRecord[], bytes: Buffer, start: number): void {
  const lf = bytes.indexOf(LF, start)
  const end = lf < 0 ? bytes.length : lf
  const record = decodeLine(bytes, start, end)
  if (record === undefined) salvage(bytes, start, end, one => void (one.kind !== 'opening' && records.push(one)))
  else if (record.kind !== 'opening') records.push(record)
}
