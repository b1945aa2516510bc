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

  /** `isNewer`: a newer version wrote the store. */
  constructor(store: string, cause: unknown, isNewer: boolean) {
    super(`cannot keep attempts at ${store}: ${messageOf(cause)}`, { cause })
    this.exitCode = isNewer || cause instanceof NotDurable ? EXIT.configuration : EXIT.unavailable
  }
}

/** The error of a store that cannot be opened: one that has its own exit code, else {@link UnusableServer}. */
export function openingError(store: string, error: unknown): unknown {
  return error instanceof Error && 'exitCode' in error ? error : new UnusableServer(store, error, false)
}

/** The store on a server cannot be read. `store` is its URL without the password. */
export class UnreadableServer extends Error {
  override readonly name = 'UnreadableServer'
  /** That of the cause if it has one. */
  readonly exitCode: number

  constructor(store: string, cause: unknown) {
    super(`cannot read the store at ${store}: ${messageOf(cause)}`, { cause })
    const own = cause instanceof Error && 'exitCode' in cause ? cause.exitCode : undefined
    this.exitCode = typeof own === 'number' ? own : EXIT.unavailable
  }
}

/** The server may lose acknowledged attempts, and `--require-durable` refuses that. */
export class NotDurable extends Error {
  override readonly name = 'NotDurable'

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
