/** What asking must leave as it was. */
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Everything in the folder by its path: mode, owner, inode, times of change and content of each file, and of each directory but its content. */
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
