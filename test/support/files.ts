/** The complete state of a folder: to show that questions do not change it, and to go on from what a killed sidecar leaves. */
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { cp, readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { temporaryFolder } from './sidecar-process.ts'

/** Mode, owner, inode, size, times and content hash of everything in the folder, by path. Directories have no hash. */
export function snapshotOf(folder: string): Record<string, string> {
  const paths = ['.', ...(readdirSync(folder, { recursive: true }) as string[])].sort()
  return Object.fromEntries(paths.map(path => [path, stateOf(join(folder, path))]))
}

function stateOf(path: string): string {
  const { mode, uid, gid, ino, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true })
  const stats = [mode.toString(8), uid, gid, ino, size, mtimeNs, ctimeNs].join(' ')
  const kind = lstatSync(path)
  if (kind.isFile()) return `${stats} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
  return kind.isSymbolicLink() ? `${stats} ${readlinkSync(path)}` : stats
}

/**
 * A copy of the folder of a store that is open in this process, as SIGKILL would leave it: all files of one moment. Tried again if one changes
 * meanwhile, as while the document is written.
 */
export async function copyOf(path: string): Promise<{ path: string } & AsyncDisposable> {
  const copy = await temporaryFolder()
  const before = await statesIn(path)
  // To open and close the file of the lock in this process would release it.
  const copied = cp(path, copy.path, { recursive: true, filter: one => basename(one) !== 'lock.db' })
  const after = await copied.then(() => statesIn(path)).catch(() => undefined)
  if (before !== undefined && before === after) return copy
  await copy[Symbol.asyncDispose]()
  return await copyOf(path)
}

/** The names, sizes and times of change of all files in a folder. Undefined if one disappears meanwhile. */
async function statesIn(path: string): Promise<string | undefined> {
  const names = await readdir(path, { recursive: true })
  const stats = await Promise.all(names.map(name => stat(join(path, name)))).catch(() => undefined)
  return stats && JSON.stringify(stats.map(({ size, mtimeMs, ino }, i) => [names[i], size, mtimeMs, ino]))
}
