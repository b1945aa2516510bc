/**
 * A file system on a disk in memory. A test can make any operation fail, do half of its work, wait, or be the last one of its process.
 */
import { basename, dirname } from 'node:path'
import type { AppendFile, FileSystem, TempFile } from '../../../src/store/file/file-system.ts'
import { createDirectory, createDisk, type DirectoryNode, type Disk, type FileNode, type Node } from './fake-disk.ts'

/** A call of the file system. */
export interface Operation {
  readonly index: number
  readonly name: string
  readonly path: string
}

/** Names of operations that change nothing. */
export const READING: ReadonlySet<string> = new Set(['read', 'stat', 'list', 'open', 'size'])

export type Fault =
  /** The operation fails with a system error: before it starts, half done, or complete. */
  | { readonly kind: 'error'; readonly code: string; readonly done?: 'nothing' | 'half' | 'all' }
  /** The process ends: this operation and all later ones reject. */
  | { readonly kind: 'end'; readonly done: 'nothing' | 'half' | 'all' }
  | { readonly kind: 'wait'; readonly until: Promise<unknown> }

export interface FakeFileSystem extends FileSystem {
  readonly disk: Disk
  readonly operations: readonly Operation[]
  /** Called before every operation. */
  fault: ((operation: Operation) => Fault | undefined) | undefined
  /** The content of a file as other processes see it. Undefined if there is no file. */
  contentOf(path: string): Buffer | undefined
  /** Writes a file durably, as another process would. Undefined removes the file or directory. */
  plant(path: string, content: string | Uint8Array | undefined): void
}

export function systemError(code: string, name: string, path: string): Error {
  return Object.assign(new Error(`${code}: made to fail, ${name} '${path}'`), { code, path, syscall: name })
}

/**
 * A process's view of the disk. A new view of {@link FakeFileSystem.disk} starts without locks, as after the end of the process. An append
 * file is extended to `preallocatedBytes` zeros behind its end as soon as it has less than half of that.
 */
export function createFakeFileSystem(disk: Disk = createDisk(), preallocatedBytes = 0): FakeFileSystem {
  const operations: Operation[] = []
  const locks = new Set<Node>()
  let ended = false

  /** Runs one operation: `effect` does all of it, `half` the part that a failed one may have done. */
  async function operate<T>(name: string, path: string, effect: () => T, half: () => void = () => {}): Promise<T> {
    const operation = { index: operations.length, name, path }
    operations.push(operation)
    await undefined
    const fault = ended ? undefined : fake.fault?.(operation)
    if (fault?.kind === 'wait') await fault.until
    if (ended) throw systemError('EENDED', name, path)
    if (fault === undefined || fault.kind === 'wait') return effect()
    if (fault.kind === 'end') ended = true
    if (fault.done === 'half') half()
    if (fault.done === 'all') effect()
    throw systemError(fault.kind === 'end' ? 'EENDED' : fault.code, name, path)
  }

  function nodeAt(path: string): Node | undefined {
    let node: Node | undefined = disk.root
    for (const name of path.split('/').filter(part => part !== '')) {
      if (node?.kind !== 'directory') return undefined
      node = node.entries.get(name)
    }
    return node
  }
  function directoryAt(path: string): DirectoryNode {
    const node = nodeAt(path)
    if (node?.kind !== 'directory') throw systemError(node === undefined ? 'ENOENT' : 'ENOTDIR', 'open', path)
    return node
  }
  function fileAt(path: string): FileNode {
    const node = nodeAt(path)
    if (node?.kind !== 'file') throw systemError(node === undefined ? 'ENOENT' : 'EISDIR', 'open', path)
    return node
  }
  function change(path: string, edit: (entries: Map<string, Node>, name: string) => void): void {
    const directory = directoryAt(dirname(path))
    const one = (entries: Map<string, Node>): void => edit(entries, basename(path))
    one(directory.entries)
    directory.changes.push(one)
  }
  function put(path: string, node: Node): void {
    change(path, (entries, name) => entries.set(name, node))
  }
  function append(file: FileNode, bytes: Uint8Array): void {
    file.content = Buffer.concat([file.content, bytes])
  }
  function newFile(path: string): FileNode {
    if (nodeAt(path) !== undefined) throw systemError('EEXIST', 'open', path)
    const file: FileNode = { kind: 'file', content: Buffer.alloc(0), synced: Buffer.alloc(0) }
    put(path, file)
    return file
  }
  function write(path: string, file: FileNode, bytes: Uint8Array): Promise<void> {
    const half = (): void => append(file, bytes.subarray(0, bytes.length >> 1))
    return operate('write', path, () => append(file, bytes), half)
  }
  function sync(path: string, file: FileNode): Promise<void> {
    return operate('sync', path, () => {
      file.synced = file.content
    })
  }

  async function create(path: string): Promise<AppendFile> {
    const file = await operate('create', path, () => newFile(path))
    let length = 0
    let size = 0

    function overwrite(bytes: Uint8Array): void {
      file.content = Buffer.concat([
        file.content.subarray(0, length),
        bytes,
        file.content.subarray(length + bytes.length),
      ])
    }
    async function preallocate(): Promise<void> {
      await write(path, file, Buffer.alloc(length + preallocatedBytes - size))
      await sync(path, file)
      size = length + preallocatedBytes
    }
    return {
      async append(bytes) {
        await operate(
          'write',
          path,
          () => overwrite(bytes),
          () => overwrite(bytes.subarray(0, bytes.length >> 1)),
        )
        await sync(path, file)
        length += bytes.length
        size = Math.max(size, length)
        if (nodeAt(path) !== file) throw new Error(`${path} was replaced`)
        if (file.content.length !== size) throw new Error(`${path} has another length`)
        if (size - length < preallocatedBytes / 2) await preallocate()
      },
      close: (trim = true) =>
        operate('close', path, () => {
          if (trim) file.content = file.content.subarray(0, length)
        }),
    }
  }

  function rename(from: string, to: string): Promise<void> {
    return operate('rename', to, () => {
      const node = nodeAt(from)
      if (node === undefined) throw systemError('ENOENT', 'rename', from)
      change(from, (entries, name) => entries.delete(name))
      put(to, node)
    })
  }

  function remove(path: string): Promise<void> {
    return operate('remove', path, () => {
      fileAt(path)
      change(path, (entries, name) => entries.delete(name))
    })
  }

  function syncDirectory(path: string): Promise<void> {
    return operate('syncDirectory', path, () => {
      const directory = directoryAt(path)
      directory.synced = new Map(directory.entries)
      directory.changes = []
    })
  }

  async function writeAtomically(
    path: string,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const temporary = `${path}.${operations.length}`
    const file = await operate('create', temporary, () => newFile(temporary))
    try {
      for await (const chunk of chunks) await write(temporary, file, chunk)
      await sync(temporary, file)
      await rename(temporary, path)
    } catch (error) {
      await remove(temporary).catch(() => {})
      throw error
    }
    await syncDirectory(dirname(path))
  }

  async function createTemp(path: string): Promise<TempFile> {
    if (nodeAt(path) !== undefined) await remove(path)
    const file = await operate('create', path, () => newFile(path))
    await remove(path)
    return {
      write: bytes => write(path, file, bytes),
      read: (offset, length) =>
        operate('read', path, () => Buffer.from(file.content.subarray(offset, offset + length))),
      close: () => operate('close', path, () => {}),
    }
  }

  const fake: FakeFileSystem = {
    disk,
    operations,
    fault: undefined,
    create,
    read: (path, offset, length) =>
      operate('read', path, () => Buffer.from(fileAt(path).content.subarray(offset, offset + length))),
    open: path =>
      operate('open', path, () => {
        const file = fileAt(path)
        return {
          size: () => operate('size', path, () => file.content.length),
          read: (offset, length) =>
            operate('read', path, () => Buffer.from(file.content.subarray(offset, offset + length))),
          close: async () => {},
        }
      }),
    stat: path =>
      operate('stat', path, () => {
        const node = nodeAt(path)
        return node && { kind: node.kind, size: node.kind === 'file' ? node.content.length : 0 }
      }),
    list: path => operate('list', path, () => [...directoryAt(path).entries.keys()]),
    makeDirectory: path =>
      operate('makeDirectory', path, () => {
        if (nodeAt(path) !== undefined) return false
        put(path, createDirectory())
        return true
      }),
    rename,
    remove,
    truncate: (path, size) =>
      operate('truncate', path, () => {
        const file = fileAt(path)
        if (file.content.length <= size) return
        file.content = file.content.subarray(0, size)
        file.synced = file.content
      }),
    sync: path => sync(path, fileAt(path)),
    syncDirectory,
    writeAtomically,
    createTemp,
    lock: path =>
      operate('lock', path, () => {
        const file = nodeAt(path) ?? newFile(path)
        if (locks.has(file)) return undefined
        locks.add(file)
        return {
          isHeld: () => nodeAt(path) === file,
          movedTo: () => undefined,
          release: () => locks.delete(file),
        }
      }),
    touch: async () => {},
    contentOf(path) {
      const node = nodeAt(path)
      return node?.kind === 'file' ? node.content : undefined
    },
    plant(path, content) {
      const directory = directoryAt(dirname(path))
      const name = basename(path)
      if (content === undefined) {
        directory.entries.delete(name)
        directory.synced.delete(name)
        return
      }
      const bytes = Buffer.from(content)
      const file: FileNode = { kind: 'file', content: bytes, synced: bytes }
      directory.entries.set(name, file)
      directory.synced.set(name, file)
    },
  }
  return fake
}
