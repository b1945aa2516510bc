/** Errors of opening a file store. Each names the path, and the exit code of a command that fails with it. */

/** The process that holds the lock of a store, as its holder file states. */
export interface Holder {
  readonly pid: number
  readonly host: string
  /** RFC 3339. */
  readonly since: string
}

/** Another process, or another store in this process, has opened the same path. */
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
 * The lock no longer protects the store's files: another process may have opened them, so this one must not touch them. If the loss is final,
 * another process has opened them, and this one must restart.
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

/** A newer version of this program wrote the files. Nothing was changed. */
export class NewerFormat extends Error {
  override readonly name = 'NewerFormat'
  readonly exitCode = 78
  readonly path: string

  constructor(path: string, found: number | string, known: number | string) {
    super(`${path} has format version ${found}; this version of the program reads up to ${known}. Nothing was changed.`)
    this.path = path
  }
}

/** No store can be opened at the path: for example, it is a directory, or on a read-only file system. */
export class UnusablePath extends Error {
  override readonly name = 'UnusablePath'
  readonly exitCode = 73
  readonly path: string
  /** The reason, for people. */
  readonly detail: string
  /** The code of the system error, such as EACCES. */
  readonly code: string | undefined

  constructor(path: string, detail: string, cause?: unknown) {
    super(`cannot keep attempts at ${path}: ${detail}`, cause === undefined ? {} : { cause })
    this.path = path
    this.detail = detail
    this.code = errorCode(cause)
  }
}

/** There are no files of a store at the path. */
export class NoStore extends Error {
  override readonly name = 'NoStore'
  readonly exitCode = 74

  constructor(path: string) {
    super(`there is no store at ${path}`)
  }
}

/** The store cannot be read, or too little of it is left to answer questions. Nothing was changed. */
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
