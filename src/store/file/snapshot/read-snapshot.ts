/** Reads a snapshot file into a tally and series. */
import { crc32 } from 'node:zlib'
import type { DedupWindowOptions } from '../../../core/aggregate/dedup-window.ts'
import type { Series } from '../../../core/aggregate/series.ts'
import type { Tally } from '../../../core/aggregate/tally.ts'
import { messageOf } from '../../messages.ts'
import { decodeState, type PlanTiers, type RestoredState, type StateDecoder } from '../../snapshot/decode.ts'
import type { JournalMark } from '../journal/mark.ts'
import type { JournalFiles } from '../journal/segments.ts'
import {
  type BlockEntry,
  endOffset,
  type FileHead,
  firstBlockOffset,
  readEntries,
  readFileHead,
  SNAPSHOT_FORMAT,
  sizeFault,
} from './file-head.ts'
import { type ReadBytes, readAhead } from './read-ahead.ts'
import { snapshotPath } from './snapshot-files.ts'

/** The content of a snapshot except what was restored into the tally and the series. */
export interface RestoredSnapshot extends Omit<RestoredState, 'resetAt' | 'records'> {
  readonly position: JournalMark
}

/** Reads a snapshot into an empty tally and series. Resolves with the fault, and leaves them empty, if it is not valid. */
export async function readSnapshot(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
  tally: Tally,
  series: Series,
  idOptions: Omit<DedupWindowOptions, 'seed'>,
  planned: PlanTiers,
): Promise<RestoredSnapshot | string> {
  const path = snapshotPath(directory, sequence)
  const head = await readFileHead(fileSystem, path)
  if (head === undefined) return 'its head is damaged'
  if (!head.isOwnByteOrder) return 'of another byte order'
  if (head.format !== SNAPSHOT_FORMAT) return `its format is ${head.format}, which no release wrote`
  const fault = await sizeFault(fileSystem, path, head)
  if (fault !== undefined) return fault
  const entries = await readEntries(fileSystem, path, head)
  if (entries === undefined) return 'its index is damaged'
  const read: ReadBytes = (offset, bytes, into) => fileSystem.read(path, offset, bytes, into)
  const restored = await decodeBlocks(read, head, entries, decodeState(tally, series, idOptions, planned))
  if (typeof restored !== 'string') return { ...restored, position: head.mark }
  clearRestored(tally, series)
  return restored
}

/** Empties a tally and series into which a snapshot was read. */
export function clearRestored(tally: Tally, series: Series): void {
  tally.clear()
  tally.times.reshape(tally.wantedTiers)
  series.restore(Number.NEGATIVE_INFINITY, [])
}

/** Resolves with the fault if a block is not valid. Rejects if a block cannot be read, which does not mean that it is damaged. */
async function decodeBlocks(
  read: ReadBytes,
  head: FileHead,
  entries: readonly BlockEntry[],
  decoder: StateDecoder,
): Promise<RestoredState | string> {
  let at = firstBlockOffset(entries)
  let next = 0
  let step = decoder.next()
  for await (const batch of readAhead(read, at, entries)) {
    for (const block of batch) {
      if (crc32(block) !== entries[next]!.checksum) return 'its checksum is wrong'
      if (step.done === true) break
      next++
      at += block.length
      try {
        step = decoder.next(block)
      } catch (error) {
        return messageOf(error)
      }
    }
  }
  if (step.done !== true) return 'it ends too early'
  return at === endOffset(head) ? step.value : 'it goes on behind its end'
}
