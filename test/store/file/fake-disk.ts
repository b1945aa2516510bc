/**
 * A disk in memory that knows what is durable: bytes that were not synced, and entries of directories that were not, are lost when
 * the power is.
 */

export interface FileNode {
  readonly kind: 'file'
  content: Buffer
  /** The content after a power loss. */
  synced: Buffer
}

export interface DirectoryNode {
  readonly kind: 'directory'
  readonly entries: Map<string, Node>
  /** The entries after a power loss, and the later changes, in order. */
  synced: Map<string, Node>
  changes: ((entries: Map<string, Node>) => void)[]
}

export type Node = FileNode | DirectoryNode

/** The state that outlives a process. The next {@link createFakeFileSystem} takes it. */
export interface Disk {
  readonly root: DirectoryNode
}

export function createDisk(): Disk {
  return { root: createDirectory() }
}

export function createDirectory(): DirectoryNode {
  return { kind: 'directory', entries: new Map(), synced: new Map(), changes: [] }
}

/** The disk after a power loss. `random` (0 to 1) decides how much unsynced data survives. 0: none. */
export function afterPowerLoss(disk: Disk, random: () => number = () => 0): Disk {
  const seen = new Map<Node, Node>()
  function survive(node: Node): Node {
    const known = seen.get(node)
    if (known !== undefined) return known
    const left = node.kind === 'file' ? surviveFile(node, random) : createDirectory()
    seen.set(node, left)
    if (node.kind === 'file' || left.kind === 'file') return left
    const entries = new Map(node.synced)
    for (const change of node.changes.slice(0, Math.floor(random() * (node.changes.length + 1)))) change(entries)
    for (const [name, child] of entries) left.entries.set(name, survive(child))
    left.synced = new Map(left.entries)
    return left
  }
  return { root: survive(disk.root) as DirectoryNode }
}

/**
 * A part of the bytes behind the synced ones, and sometimes zeros in the place of some: their size was written and they were not. Of bytes
 * that were written in the place of others either may be there, up to some place or from there on.
 */
function surviveFile({ content, synced }: FileNode, random: () => number): FileNode {
  if (content.length === synced.length) {
    const at = Math.floor(random() * (content.length + 1))
    const [first, last] = random() < 0.5 ? [content, synced] : [synced, content]
    const left = Buffer.concat([first.subarray(0, at), last.subarray(at)])
    return { kind: 'file', content: left, synced: left }
  }
  const grown = content.length >= synced.length && content.subarray(0, synced.length).equals(synced)
  if (!grown) {
    const left = random() < 0.5 ? synced : content
    return { kind: 'file', content: left, synced: left }
  }
  const length = synced.length + Math.floor(random() * (content.length - synced.length + 1))
  const left = Buffer.from(content.subarray(0, length))
  if (random() > 0.7) left.fill(0, synced.length + Math.floor(random() * (length - synced.length)))
  return { kind: 'file', content: left, synced: left }
}
