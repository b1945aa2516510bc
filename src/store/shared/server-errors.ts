/** Why a store on a server cannot be opened. */
import { messageOf } from '../messages.ts'

/** Exit codes of sysexits.h: a service is unavailable, and a configuration error. */
const EXIT = { unavailable: 69, configuration: 78 }

/** A URL that names no store. */
export class BadTarget extends Error {
  override readonly name = 'BadTarget'
  readonly exitCode: number = EXIT.configuration

  constructor(kind: string, detail: string) {
    super(`--store ${kind}: ${detail}`)
  }
}

/** The server cannot be reached, refuses, or cannot keep attempts. `store` is its URL without the password. */
export class UnusableServer extends Error {
  override readonly name = 'UnusableServer'
  readonly exitCode: number

  constructor(store: string, cause: unknown) {
    super(`cannot keep attempts at ${store}: ${messageOf(cause)}`, { cause })
    this.exitCode = exitCodeOf(cause) ?? EXIT.unavailable
  }
}

/** The error of a store that cannot be opened: one that has its own exit code, else {@link UnusableServer}. */
export function openingError(store: string, error: unknown): unknown {
  return exitCodeOf(error) === undefined ? new UnusableServer(store, error) : error
}

/** The store on a server cannot be read. `store` is its URL without the password. */
export class UnreadableServer extends Error {
  override readonly name = 'UnreadableServer'
  readonly exitCode: number

  constructor(store: string, cause: unknown) {
    super(`cannot read the store at ${store}: ${messageOf(cause)}`, { cause })
    this.exitCode = exitCodeOf(cause) ?? EXIT.unavailable
  }
}

function exitCodeOf(error: unknown): number | undefined {
  return error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number'
    ? error.exitCode
    : undefined
}

/** The server may lose acknowledged attempts, and `--require-durable` refuses that. */
export class NotDurable extends Error {
  override readonly name = 'NotDurable'
  readonly exitCode: number = EXIT.configuration

  /** `weaknesses` is one sentence for each setting of the server. */
  constructor(weaknesses: readonly string[]) {
    super(`${weaknesses.join('; ')}. Change that, or start without --require-durable`)
  }
}

/** The server gave no answer: the statement may have been run, or may still be. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
}

/** There is no connection, so the server did not run the statement. */
export class NotSent extends Error {
  override readonly name = 'NotSent'
}
