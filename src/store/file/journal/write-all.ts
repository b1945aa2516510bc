/** Writes through a descriptor, and the flags to open one for that. */
import { constants, write } from 'node:fs'
import { promisify } from 'node:util'

/**
 * The open flag for durable writes. It replaces a write and a sync by one call in the thread pool, and every group of attempts waits for
 * that call. 0 on systems other than Linux, because their flag guarantees less than a sync.
 */
export const DURABLE_WRITES: number = process.platform === 'linux' ? constants.O_DSYNC : 0

/** The open flag that refuses a symbolic link. 0 on platforms without it. */
export const NO_FOLLOW: number = constants.O_NOFOLLOW ?? 0

const writeSome = promisify(write) as (
  fd: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number | null,
) => Promise<{ bytesWritten: number }>

/** Writes all of `bytes` at `position`, or at the descriptor's own position. A loop, because a `write` on a full disk may write a part. */
export async function writeAll(fd: number, bytes: Uint8Array, position: number | null = null): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const to = position === null ? null : position + at
    const { bytesWritten } = await writeSome(fd, bytes, at, bytes.length - at, to)
    if (bytesWritten === 0) throw new Error('the file system wrote nothing and gave no reason')
    at += bytesWritten
  }
}
