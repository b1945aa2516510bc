/** A disk of a few megabytes that can be filled to the last byte. */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisk extends Disposable {
  readonly path: string
  /** The store on it. */
  readonly store: string
  /** Leaves so many bytes free, up to a page more or less. */
  fill(leaving: number): void
  /** Gives back what was filled. */
  empty(): void
  /** Nothing on it may be open for writing. */
  makeReadOnly(): void
}

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
