/** A tmpfs of a few megabytes that can be filled completely. */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisk extends Disposable {
  readonly path: string
  /** The path of a store on the disk. */
  readonly store: string
  /** Fills the disk until about `leaving` bytes are free, to within a page. */
  fill(leaving: number): void
  /** Frees the space that {@link fill} used. */
  empty(): void
  /** Remounts the disk read-only. No file on it may be open for writing. */
  makeReadOnly(): void
}

/** Mounts a tmpfs with these mount options. It is unmounted at the end of the scope. Needs root. */
export function mountSmallDisk(options: string): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'agent-performance-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path])
  const ballast = join(path, 'ballast')
  const free = (): number => {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  }
  return {
    path,
    store: join(path, 'agent_performance.json'),
    fill(leaving) {
      const fd = openSync(ballast, 'a')
      const page = Buffer.alloc(4096)
      try {
        while (free() > leaving) writeSync(fd, page)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        closeSync(fd)
      }
    },
    empty: () => rmSync(ballast, { force: true }),
    makeReadOnly: () => void execFileSync('mount', ['-o', 'remount,ro', path]),
    [Symbol.dispose]() {
      execFileSync('umount', ['-l', path])
      rmdirSync(path)
    },
  }
}
