/** What keeps a file store from opening. Each names the path, and the exit code a command should end with. */

/** Who holds a store, as far as it has said. */
export interface Holder {
  readonly pid: number
  readonly host: string
  /** RFC 3339. */
  readonly since: string
}

/** Another process, or another store in this one, has the same path open. */
export class StoreLocked extends Error {
  override readonly name = 'StoreLocked'
  readonly exitCode = 75
  readonly path: string
  readonly holder: Holder | undefined

  constructor(path: string, holder: Holder | undefined) {
    const who =
      holder === undefined ? 'another process' : `process ${holder.pid} on host ${holder.host}, since ${holder.since}`
    super(`${path} is in use by ${who}`)
    this.path = path
    this.holder = holder
  }
}

/**
 * The lock that this process took no longer protects the store's files: another process may have opened them, so this one must not touch
 * them. Where it is final, another process did; a restart is needed.
 */
export class LockLost extends Error {
  override readonly name = 'LockLost'
  readonly exitCode = 75
  readonly isFinal: boolean

  constructor(detail: string, { isFinal = false }: { readonly isFinal?: boolean } = {}) {
    super(detail)
    this.isFinal = isFinal
  }
}

/** The files were written by a newer version of this program. Nothing was changed. */
export class NewerFormat extends Error {
  override readonly name = 'NewerFormat'
  readonly exitCode = 78
  readonly path: string

  constructor(path: string, found: number | string, known: number | string) {
    super(`${path} has format version ${found}; this version of the program reads up to ${known}. Nothing was changed.`)
    this.path = path
  }
}

/** The path cannot hold a store: it is a directory, not readable, on a read-only file system, and so on. */
export class UnusablePath extends Error {
  override readonly name = 'UnusablePath'
  readonly exitCode = 73
  readonly path: string
  /** What is wrong with it. */
  readonly detail: string
  /** The system's word for it, such as EACCES, where it has one. */
  readonly code: string | undefined

  constructor(path: string, detail: string, cause?: unknown) {
    super(`cannot keep attempts at ${path}: ${detail}`, cause === undefined ? {} : { cause })
    this.path = path
    this.detail = detail
    this.code = errorCode(cause)
  }
}

/** Nothing that a store leaves is at the path. */
export class NoStore extends Error {
  override readonly name = 'NoStore'
  readonly exitCode = 74

  constructor(path: string) {
    super(`there is no store at ${path}`)
  }
}

/** A store cannot be read, or what is left of it answers nothing. Nothing was changed. */
export class UnreadableStore extends Error {
  override readonly name = 'UnreadableStore'
  readonly exitCode: number

  constructor(path: string, detail: string, { exitCode = 74, cause }: { exitCode?: number; cause?: unknown } = {}) {
    super(`cannot read the store at ${path}: ${detail}`, cause === undefined ? {} : { cause })
    this.exitCode = exitCode
  }
}

/** The `code` of a system error, such as ENOENT. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}
