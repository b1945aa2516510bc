/** Writes a file atomically: the file at the path is complete, or unchanged. */
import { constants, type PathLike } from 'node:fs'
import { type FileHandle, open, realpath, rename, stat, unlink } from 'node:fs/promises'
import { systemCode } from './exit.ts'
import { notWritten, type TextOutput } from './io.ts'

/**
 * Runs `work` with an output to a temporary file beside `path`. Renames it to `path` after an fsync. Writes devices, pipes, and files in a
 * read-only folder in place. The error of a failed write in place says that the file is incomplete. Rejects with the `CommandError` of
 * {@link notWritten} if a write fails.
 */
export async function writeFileWhole<T>(path: string, work: (to: TextOutput) => Promise<T>): Promise<T> {
  const target = await realpath(path).catch(() => path)
  const there = await stat(target).catch(() => undefined)
  const isPlain = there === undefined || there.isFile()
  const temporary = `${target}.${process.pid}.partial`
  const file = isPlain
    ? await open(temporary, 'wx', there?.mode ?? 0o666).catch(error =>
        unlessForbidden(error, there !== undefined, path),
      )
    : undefined
  return file === undefined
    ? await writeInPlace(path, work)
    : await writeBeside(file, { path, target, temporary }, work)
}

/** A file may be writable in a folder that is not. Undefined then; throws for any other error. */
function unlessForbidden(error: unknown, isThere: boolean, path: string): undefined {
  if (isThere && ['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error) ?? '')) return undefined
  throw notWritten(path, error)
}

async function writeBeside<T>(
  file: FileHandle,
  { path, target, temporary }: { readonly path: string; readonly target: string; readonly temporary: string },
  work: (to: TextOutput) => Promise<T>,
): Promise<T> {
  try {
    const result = await work(outputOf(file, path)).finally(() => undefined)
    await file.sync().catch(error => fail(path, error))
    await file.close().catch(error => fail(path, error))
    await rename(temporary, target).catch(error => fail(path, error))
    return result
  } catch (error) {
    await file.close().catch(() => undefined)
    await unlink(temporary).catch(() => undefined)
    throw error
  }
}

async function writeInPlace<T>(path: PathLike & string, work: (to: TextOutput) => Promise<T>): Promise<T> {
  const { O_WRONLY, O_CREAT, O_TRUNC } = constants
  const file = await open(path, O_WRONLY | O_CREAT | O_TRUNC).catch(error => fail(path, error))
  try {
    return await work(outputOf(file, path, ', which is incomplete now'))
  } finally {
    await file.close().catch(() => undefined)
  }
}

function outputOf(file: FileHandle, path: string, state = ''): TextOutput {
  return {
    async write(text) {
      const bytes = Buffer.from(text)
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, at).catch(error => fail(path, error, state))
        at += bytesWritten
      }
    },
  }
}

function fail(path: string, error: unknown, state = ''): never {
  throw notWritten(`${path}${state}`, error)
}
