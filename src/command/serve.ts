/** `serve`: the sidecar, from its settings to its exit code. */
import type { Command } from 'commander'
import type { Logger } from 'pino'
import { type Config, type Environment, loadConfig } from '../config/config.ts'
import { createLog } from '../server/log.ts'
import { type LogOutput, openLogOutput } from '../server/log-output.ts'
import type { Sidecar } from '../sidecar.ts'
import { type Io, print, type Signal } from './io.ts'
import { givenSettings, withSettings } from './settings-options.ts'

export type StartSidecar = (
  config: Config,
  log: Logger,
  env: Environment,
  output: Pick<LogOutput, 'dropped'>,
) => Promise<Pick<Sidecar, 'url' | 'close' | 'reload'>>

const HELP = `
Every setting has a flag, a variable (AGENT_PERFORMANCE_MAX_KEYS is --max-keys)
and a key in the config file (max-keys). Flags win over variables, variables
over the file. "agent-performance check-config" shows what is in force.

When it is ready it prints one line with its URL to standard output; its log
goes to standard error, one JSON object a line. SIGTERM and SIGINT let what is
under way finish, a second one ends it at once. SIGHUP reads tokens,
certificates and the rules of --otlp-mapping again.

Examples:
  agent-performance serve
  agent-performance serve --store /var/lib/agents/performance.json
  agent-performance serve --listen 0.0.0.0:9464 --auth-token-file tokens
  agent-performance serve --config agents.yaml --log-level debug`

export function addServe(program: Command, io: Io, start: StartSidecar): void {
  const command = program.command('serve').summary('run the sidecar')
  command.description('Runs the sidecar: keeps attempts, answers questions, exposes /metrics.')
  withSettings(command)
    .addHelpText('after', HELP)
    .action(async () => {
      const { config } = loadConfig(givenSettings(command, io.env))
      const output = openLogOutput(2)
      const log = createLog(config.logLevel, output)
      const restoreWarnings = logWarnings(log)
      try {
        await serve(config, { log, output }, io, start)
      } finally {
        restoreWarnings()
        await output.flush(FLUSH_MS)
      }
    })
}

/** How long the last lines of the log may take. */
const FLUSH_MS = 1000

/**
 * Writes the warnings of Node to the log. Node itself would write them to standard error in a call that waits for its reader. Returns what
 * undoes it.
 */
function logWarnings(log: Logger): () => void {
  const listeners = process.listeners('warning')
  process.removeAllListeners('warning')
  const write = (warning: Error): void => log.warn({ err: warning }, 'Node warns')
  process.on('warning', write)
  return () => {
    process.off('warning', write)
    for (const listener of listeners) process.on('warning', listener)
  }
}

/** When npm runs the script "start", it forwards a signal that the terminal has sent to every process already. */
const FORWARDED_MS = 500

/** Runs until it is told to end. Rejects where it cannot start, or cannot keep what it promised. */
async function serve(
  config: Config,
  { log, output }: { readonly log: Logger; readonly output: LogOutput },
  io: Io,
  start: StartSidecar,
): Promise<void> {
  const told = Promise.withResolvers<void>()
  let stopping = false
  let stoppingSinceMs = 0
  const stop = (signal: Signal): void => {
    if (stopping) {
      if (io.env.npm_lifecycle_event === 'start' && performance.now() - stoppingSinceMs < FORWARDED_MS) return
      log.warn({ signal }, 'ends at once')
      io.exit(signal === 'SIGINT' ? 130 : 143)
    }
    stopping = true
    stoppingSinceMs = performance.now()
    log.info({ signal }, 'ends when what is under way is done; another signal ends it at once')
    told.resolve()
  }
  io.on('SIGTERM', stop)
  io.on('SIGINT', stop)
  let sidecar: Awaited<ReturnType<StartSidecar>> | undefined
  let hungUpEarly = false
  const reload = (): void => {
    hungUpEarly = sidecar === undefined
    sidecar?.reload().catch(error => log.error({ err: error }, 'nothing was read again: what was in force stays'))
  }
  // From the beginning: without a listener the signal would end the process.
  io.on('SIGHUP', reload)
  sidecar = await start(config, log, io.env, output)
  if (hungUpEarly) reload()
  // Not awaited: standard output may be full or closed, and the sidecar runs and stops all the same.
  const unread = (error: unknown): void => log.warn({ err: error }, 'the URL cannot be written to standard output')
  if (!stopping) void print(io.stdout, `agent-performance listening on ${sidecar.url}`).catch(unread)
  await told.promise
  await sidecar.close()
}
