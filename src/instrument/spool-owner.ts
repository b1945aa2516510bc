/**
 * Who owns a file of a spool. Its name says it: `ID.PID.HOST.ndjson`. A process takes over the file of a dead one by renaming it, which only
 * one process can do.
 */

/** The owner of a file that its process left. */
const UNOWNED = { pid: 0, host: 'unowned' } as const

/** A live process touches its file more often than this. Then a process on another host may believe that it is dead. */
const DEAD_AFTER_MS = 60_000

export interface Owner {
  readonly pid: number
  readonly host: string
}

export interface OwnedFile extends Owner {
  /** Unique among all files of all processes. */
  readonly id: string
}

export function fileName({ id, pid, host }: OwnedFile): string {
  return `${id}.${pid}.${encodeURIComponent(host)}.ndjson`
}

export const unownedName = (id: string): string => fileName({ id, ...UNOWNED })

/** Undefined if the name is none of a spool. */
export function parseFileName(name: string): OwnedFile | undefined {
  const [, id, pid, host] = /^([\w-]+)\.(\d+)\.(.+)\.ndjson$/.exec(name) ?? []
  if (id === undefined || pid === undefined || host === undefined) return undefined
  try {
    return { id, pid: Number(pid), host: decodeURIComponent(host) }
  } catch {
    return undefined
  }
}

/**
 * Whether a file has no owner, or a dead one. If a live process is taken for a dead one, its attempts are sent twice and count once.
 * Another file with this process's own pid may be a thread's, or that of a container before its restart: only time tells.
 */
export function isLeft(file: OwnedFile, self: Owner, untouchedMs: number): boolean {
  if (file.pid === UNOWNED.pid || untouchedMs > DEAD_AFTER_MS) return true
  return file.host === self.host && file.pid !== self.pid && !isAlive(file.pid)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
