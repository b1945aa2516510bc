/** The files of a spool folder: `000001.spool`, `000002.spool` …, oldest first. */
import { join } from 'node:path'
import { NewerFormat } from '../file/errors.ts'
import { copyAside } from '../file/recovery/repair.ts'
import { type Frame, parseFile, readHead, SPOOL_VERSION } from './frames.ts'
import type { SpoolOptions } from './spool.ts'

/** A file, and which of its groups the log has. Its groups are not in memory: a full spool may have millions. */
export interface SpoolFile {
  readonly path: string
  /** The number of groups, from the first, that the log has. */
  removed: number
  groups: number
  /** Attempts of all of its groups. */
  attempts: number
  /** When the oldest group was stored, in milliseconds since the epoch. Undefined without groups. */
  oldestMs: number | undefined
  /** Bytes up to the end of the last group. */
  bytes: number
}

const NAME = /^(\d{6,})\.spool$/

export const nameOf = (sequence: number): string => `${String(sequence).padStart(6, '0')}.spool`

/** The sequence numbers of the files of a folder, in order. */
export async function listFiles({
  fileSystem,
  folder,
}: Pick<SpoolOptions, 'fileSystem' | 'folder'>): Promise<number[]> {
  const numbers = (await fileSystem.list(folder)).flatMap(name => NAME.exec(name)?.[1] ?? [])
  return numbers.map(Number).sort((a, b) => a - b)
}

/** What a start finds in a folder. */
export interface FoundFiles {
  readonly files: SpoolFile[]
  /** The writers of their groups. */
  readonly writers: Set<string>
}

/** Reads and checks all files. Files without a group are removed: nothing in them was acknowledged. Throws {@link ForeignSpool}. */
export async function readFiles(options: SpoolOptions): Promise<FoundFiles> {
  const { fileSystem, folder } = options
  const paths = (await listFiles(options)).map(sequence => join(folder, nameOf(sequence)))
  // Before any of them is changed.
  for (const path of paths) refuseForeign(options, path, await readFile(fileSystem, path))
  const found: FoundFiles = { files: [], writers: new Set() }
  for (const path of paths) {
    const bytes = await readFile(fileSystem, path)
    const { frames, damaged } = parseFile(bytes)
    if (damaged > 0) await reportDamage(options, path, damaged)
    for (const { writer } of frames) found.writers.add(writer)
    if (frames.length > 0) found.files.push(fileOf(path, frames, bytes.length))
    else await fileSystem.remove(path)
  }
  return found
}

function fileOf(path: string, frames: readonly Frame[], bytes: number): SpoolFile {
  const attempts = frames.reduce((sum, frame) => sum + frame.attempts, 0)
  return { path, removed: 0, groups: frames.length, attempts, oldestMs: frames[0]?.at, bytes }
}

/** The groups of a file. */
export async function readFrames(
  { fileSystem }: Pick<SpoolOptions, 'fileSystem'>,
  path: string,
): Promise<readonly Frame[]> {
  return parseFile(await readFile(fileSystem, path)).frames
}

async function readFile(fileSystem: SpoolOptions['fileSystem'], path: string): Promise<Buffer> {
  return await fileSystem.read(path, 0, (await fileSystem.stat(path))?.size ?? 0)
}

function refuseForeign({ folder, logId }: SpoolOptions, path: string, bytes: Buffer): void {
  const head = readHead(bytes)
  if (head === undefined) return
  if (head.spool_version > SPOOL_VERSION) throw new NewerFormat(path, head.spool_version, SPOOL_VERSION)
  if (head.log !== logId) throw new ForeignSpool(folder)
}

async function reportDamage(
  { fileSystem, folder, clock, log }: SpoolOptions,
  path: string,
  parts: number,
): Promise<void> {
  log.error('the spool is damaged: attempts in it are lost', { path, parts })
  await copyAside({ fileSystem, directory: folder, clock, log }, path)
}

/** The folder holds attempts for another store. Nothing was changed. */
export class ForeignSpool extends Error {
  override readonly name = 'ForeignSpool'
  readonly exitCode = 78

  constructor(folder: string) {
    super(
      `the spool ${folder} holds attempts for another store: start a sidecar with that store to move them there, or use another --spool`,
    )
  }
}
