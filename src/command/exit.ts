/** The exit codes of sysexits.h, and the exit code and message of an error. */
import type { Environment } from '../config/config.ts'

export const EXIT = {
  ok: 0,
  /** `best` and `route`: no agent qualifies. `experiment`: there is no experiment of that name. `alerts test`: a sink was not notified. */
  noAnswer: 1,
  usage: 64,
  data: 65,
  unavailable: 69,
  internal: 70,
  io: 74,
  temporary: 75,
  permission: 77,
  config: 78,
} as const

/** Shown by --help. */
export const EXIT_HELP = `Exit codes:
   0  done
   1  no agent qualifies (best), or can be sent (route); no such experiment; a
      sink was not notified (alerts test)
  64  wrong usage
  65  bad input data, or a store with damaged attempts (export, copy)
  69  no sidecar reached
  70  internal error
  73  a store cannot be made there, or it holds other data (copy)
  74  input or output failed
  75  in use, an unfinished copy, or too much at once: try again
  77  not allowed
  78  bad configuration, or a Node or store this version cannot work with`

/** An error that the user can fix. The command prints only its message. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

export interface Failure {
  readonly exitCode: number
  /** Empty if there is nothing to print. */
  readonly message: string
}

/** The message and the exit code of a thrown value. Shows the stack of an unknown error only at log level debug. Never throws. */
export function failureOf(error: unknown, argv: readonly string[], env: Environment): Failure {
  const code = systemCode(error)
  // The reader of our output closed it, as `head` does. That is no error.
  if (code === 'EPIPE') return { exitCode: EXIT.ok, message: '' }
  const known = exitCodeOf(error, code)
  const message = error instanceof Error ? error.message : String(error)
  if (known !== undefined) return { exitCode: known, message: prefixed(message) }
  if (isDebug(argv, env)) return { exitCode: EXIT.internal, message: stackOf(error) }
  const hint = 'AGENT_PERFORMANCE_LOG_LEVEL=debug shows where'
  return { exitCode: EXIT.internal, message: prefixed(`internal error: ${message} (${hint})`) }
}

const prefixed = (message: string): string =>
  message
    .split('\n')
    .map(line => `agent-performance: ${line}`)
    .join('\n')

const SYSTEM_EXITS = new Map<string, number>([
  ['EACCES', EXIT.permission],
  ['EPERM', EXIT.permission],
  ['EADDRINUSE', EXIT.temporary],
  ['EADDRNOTAVAIL', EXIT.config],
  ['ENOTFOUND', EXIT.config],
])

/** The exit code of an error that the user can fix. Undefined for any other error. */
export function exitCodeOf(error: unknown, code: string | undefined = systemCode(error)): number | undefined {
  if (code === 'EACCES' || code === 'EPERM') return EXIT.permission
  const own = error instanceof Error && 'exitCode' in error ? error.exitCode : undefined
  if (typeof own === 'number' && Number.isInteger(own)) return own
  if (error instanceof Error && error.name === 'StoreUnavailable') return EXIT.io
  return code === undefined ? undefined : (SYSTEM_EXITS.get(code) ?? EXIT.io)
}

/** The code of a system call's error (`ENOSPC`), from the error or its chain of causes. */
export function systemCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string' && /^E[A-Z0-9]+$/.test(at.code)) return at.code
  }
  return undefined
}

function isDebug(argv: readonly string[], env: Environment): boolean {
  const level = argv.join(' ').match(/--log-level[= ](\w+)/)?.[1] ?? env.AGENT_PERFORMANCE_LOG_LEVEL
  return level === 'debug' || level === 'trace'
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return prefixed(String(error))
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
