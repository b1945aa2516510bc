/** `serve`: runs the sidecar until a signal stops it. */
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
) => Promise<Pick<Sidecar, 'url' | 'outdated' | 'close' | 'reload'>>

const HELP = `
Every setting has a flag, a variable (AGENT_PERFORMANCE_MAX_KEYS is --max-keys)
and a key in the config file (max-keys). Flags win over variables, variables
over the file. "agent-performance check-config" shows what is in force.

When ready, it prints one line with its URL to standard output. Its log goes to
standard error, one JSON object per line. After SIGTERM or SIGINT it finishes
the requests in progress. A second signal ends it at once. SIGHUP reloads
tokens, certificates and the files of --otlp-mapping, --model-aliases, --prices.

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

/** Maximum time to write the last lines of the log. */
const FLUSH_MS = 1000

/**
 * Writes the warnings of Node to the log. Node itself writes them to standard error synchronously, which blocks if the reader is slow.
 * Returns a function that restores the listeners.
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

/**
 * The terminal sends a signal to every process, and npm then forwards it to the script "start" once more. A second signal within this
 * time is ignored.
 */
const FORWARDED_MS = 500

/**
 * Runs until a signal stops it. Rejects if it cannot start, if an acknowledged attempt cannot be kept at the end, or if the store has records of a
 * newer version.
 */
async function serve(
  config: Config,
  { log, output }: { readonly log: Logger; readonly output: LogOutput },
  io: Io,
  start: StartSidecar,
): Promise<void> {
  const stopped = Promise.withResolvers<void>()
  let stopping = false
  let stoppingSinceMs = 0
  let isClosed = false
  const stop = (signal: Signal): void => {
    if (isClosed) return
    if (stopping) {
      if (io.env.npm_lifecycle_event === 'start' && performance.now() - stoppingSinceMs < FORWARDED_MS) return
      log.warn({ signal }, 'ends at once')
      io.exit(signal === 'SIGINT' ? 130 : 143)
    }
    stopping = true
    stoppingSinceMs = performance.now()
    log.info({ signal }, 'ends when what is under way is done; another signal ends it at once')
    stopped.resolve()
  }
  io.on('SIGTERM', stop)
  io.on('SIGINT', stop)
  let sidecar: Awaited<ReturnType<StartSidecar>> | undefined
  let reloadAfterStart = false
  const reload = (): void => {
    reloadAfterStart = sidecar === undefined
    sidecar?.reload().catch(error => log.error({ err: error }, 'nothing was read again: what was in force stays'))
  }
  // Listen before the start: without a listener SIGHUP ends the process.
  io.on('SIGHUP', reload)
  sidecar = await start(config, log, io.env, output)
  if (reloadAfterStart) reload()
  // Not awaited: standard output may be full or closed, which must not stop the sidecar.
  const unread = (error: unknown): void => log.warn({ err: error }, 'the URL cannot be written to standard output')
  if (!stopping) void print(io.stdout, `agent-performance listening on ${sidecar.url}`).catch(unread)
  const outdated = await Promise.race([stopped.promise, sidecar.outdated])
  await sidecar.close()
  isClosed = true
  if (outdated !== undefined) throw outdated
}
