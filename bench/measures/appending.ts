/** Times appends to one journal file, with and without space preallocated behind its end. */
import { rm } from 'node:fs/promises'
import { createAppendFile } from '../../src/store/file/journal/append-file.ts'

/** The size of a journal segment, in bytes. */
const SEGMENT_BYTES = 16 * 1024 * 1024
/** Space is preallocated only from this length on, in bytes. */
const FIRST_BYTES = 300 * 1024
const APPENDS = 2000

/** Durable appends of 2,500 bytes, ten attempts, per second of waiting for them. Space is preallocated up to `mostBytes`. */
export async function timeAppending(path = '', mostBytes = '0'): Promise<{ readonly perSecond: number }> {
  const file = await createAppendFile(path, Number(mostBytes))
  for (let at = 0; at < FIRST_BYTES; at += 30_000) await file.append(Buffer.alloc(30_000, 97))
  const record = Buffer.alloc(2500, 97)
  const startMs = performance.now()
  for (let i = 0; i < APPENDS; i++) await file.append(record)
  const seconds = (performance.now() - startMs) / 1000
  await file.close()
  await rm(path)
  return { perSecond: APPENDS / seconds }
}

export const timePreallocated = (path?: string): Promise<{ readonly perSecond: number }> =>
  timeAppending(path, String(SEGMENT_BYTES))
