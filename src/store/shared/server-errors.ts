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

  constructor(store: string, cause: unknown, isConfiguration: boolean) {
    super(`cannot keep attempts at ${store}: ${messageOf(cause)}`, { cause })
    this.exitCode = isConfiguration ? EXIT.configuration : EXIT.unavailable
  }
}

/** The error of a store that cannot be opened: one that has its own exit code, else {@link UnusableServer}. */
export function openingError(store: string, error: unknown): unknown {
  return error instanceof Error && 'exitCode' in error ? error : new UnusableServer(store, error, false)
}
