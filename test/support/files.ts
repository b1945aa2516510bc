/** The complete state of a folder, to show that questions do not change it. */
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

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
