/** A spool in a folder of this machine. Each group is on disk when it is acknowledged. Files are removed when the log has all of their groups. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '../../core/ports.ts'
import type { GroupToSpool, Spool, SpooledGroup } from '../engine/spool.ts'
import { type AppendFile, type FileSystem, nodeFileSystem } from '../file/file-system.ts'
import { makeJournalDirectory } from '../file/lock/directory.ts'
import type { FileLock } from '../file/lock/lock.ts'
import type { Logger } from '../logger.ts'
import { type FoundFiles, listFiles, nameOf, readFiles, readFrames, type SpoolFile } from './files.ts'
import { encodeGroup, encodeHead, type Frame, SPOOL_VERSION } from './frames.ts'

export interface SpoolOptions {
  readonly folder: string
  readonly maxBytes: number
  /** The identity of the log that the groups are for. */
  readonly logId: string
  readonly clock: Clock
  readonly log: Logger
  readonly fileSystem: FileSystem
}

/** The size at which a new file begins, so that drained ones can be removed. */
const FILE_BYTES = 16 * 1024 * 1024

/** Opens the folder, and creates it. Rejects with {@link SpoolLocked}, {@link ForeignSpool} or a system error. */
export async function openSpool(
  given: Omit<SpoolOptions, 'fileSystem'> & { readonly fileSystem?: FileSystem },
): Promise<Spool> {
  const options: SpoolOptions = { fileSystem: nodeFileSystem, ...given }
  const { fileSystem, folder } = options
  await makeJournalDirectory({ fileSystem, directory: folder })
  const lock = await fileSystem.lock(join(folder, 'lock.db'))
  if (lock === undefined) throw new SpoolLocked(folder)
  try {
    return createSpool(options, lock, await readFiles(options), ((await listFiles(options)).at(-1) ?? 0) + 1)
  } catch (error) {
    lock.release()
    throw error
  }
}

/** The file that is appended to. */
interface OpenFile {
  readonly file: SpoolFile
  readonly writer: string
  readonly appendFile: AppendFile
  /** The number of the last group of its own writer. */
  number: number
}

/** It is long because its functions share the list of files. */
function createSpool(
  options: SpoolOptions,
  lock: FileLock,
  { files, writers }: FoundFiles,
  firstSequence: number,
): Spool {
  const { fileSystem, folder, maxBytes, logId, clock } = options
  let sequence = firstSequence
  let attempts = files.reduce((sum, file) => sum + file.attempts, 0)
  let open: OpenFile | undefined
  /** The groups of the oldest file. */
  let draining: readonly Frame[] | undefined

  async function createFile(): Promise<OpenFile> {
    const path = join(folder, nameOf(sequence++))
    const writer = randomUUID()
    const head = encodeHead({ spool_version: SPOOL_VERSION, log: logId, writer })
    const appendFile = await fileSystem.create(path, FILE_BYTES)
    await appendFile.append(head)
    await fileSystem.syncDirectory(folder)
    writers.add(writer)
    const file = { path, removed: 0, groups: 0, attempts: 0, oldestMs: undefined, bytes: head.length }
    files.push(file)
    return { file, writer, appendFile, number: 0 }
  }

  async function closeFile(): Promise<void> {
    const closed = open
    open = undefined
    await closed?.appendFile.close().catch(() => undefined)
  }

  async function put({ records, attempts: count, isReset, sentAs }: GroupToSpool): Promise<void> {
    if (!lock.isHeld()) throw new Error(`the lock of the spool ${folder} was removed: restart this process`)
    if (open !== undefined && open.file.bytes >= FILE_BYTES) await closeFile()
    open ??= await createFile()
    const { file, appendFile } = open
    const { writer, number } = sentAs ?? { writer: open.writer, number: open.number + 1 }
    const at = clock()
    const bytes = encodeGroup({ writer, number, attempts: count, reset: isReset, at }, records)
    try {
      await appendFile.append(bytes)
    } catch (error) {
      await closeFile()
      if (file.groups === 0) files.splice(files.indexOf(file), 1)
      // A later start must not find what was refused.
      await fileSystem.truncate(file.path, file.bytes)
      throw error
    }
    writers.add(writer)
    if (sentAs === undefined) open.number = number
    file.bytes += bytes.length
    file.groups++
    file.attempts += count
    file.oldestMs ??= at
    attempts += count
  }

  async function first(): Promise<SpooledGroup | undefined> {
    const file = files.find(one => one.removed < one.groups)
    if (file === undefined) return undefined
    // New groups go into another file: this one does not change any more.
    if (open?.file === file) await closeFile()
    draining ??= await readFrames(options, file.path)
    const { writer, number, reset, bytes, offset, ...line } = draining[file.removed]!
    const records = await fileSystem.read(file.path, offset, bytes)
    return { writer, number, attempts: line.attempts, isReset: reset, records, isSpooled: true }
  }

  async function removeFirst(): Promise<void> {
    const [file] = files
    attempts -= draining![file!.removed++]!.attempts
    if (file!.removed < file!.groups) return
    files.shift()
    draining = undefined
    await fileSystem.remove(file!.path)
  }

  function goBackTo(writer: string, number: number): boolean {
    const at = draining?.findIndex(one => one.writer === writer && one.number === number) ?? -1
    const [file] = files
    if (file === undefined || at < 0 || at >= file.removed) return false
    for (const frame of draining!.slice(at, file.removed)) attempts += frame.attempts
    file.removed = at
    return true
  }

  const bytesOf = (): number => files.reduce((sum, { bytes }) => sum + bytes, 0)
  return {
    maxBytes,
    get stats() {
      return { bytes: bytesOf(), attempts, oldestMs: files[0]?.oldestMs }
    },
    get isEmpty() {
      return files.every(({ groups, removed }) => groups === removed)
    },
    hasRoom: bytes => bytesOf() + bytes <= maxBytes,
    isOwn: writer => writers.has(writer),
    put,
    first,
    removeFirst,
    goBackTo,
    async close() {
      await closeFile()
      lock.release()
    },
  }
}

/** Another process uses the folder. */
export class SpoolLocked extends Error {
  override readonly name = 'SpoolLocked'
  readonly exitCode = 75

  constructor(folder: string) {
    super(`the spool ${folder} is in use by another sidecar: give each one its own --spool`)
  }
}
