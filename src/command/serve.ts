/** `serve`: the sidecar, from its settings to its exit code. */
import type { Command } from 'commander'
import type { Logger } from 'pino'
import { type Config, type Environment, loadConfig } from '../config.ts'
import { beginYoung } from '../garbage-collection.ts'
import { createLog } from '../log.ts'
import type { Sidecar } from '../sidecar.ts'
import { type Io, print, type Signal } from './io.ts'
import { givenSettings, withSettings } from './settings-options.ts'

export type StartSidecar = (
  config: Config,
  log: Logger,
  env: Environment,
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
      await serve(config, createLog(config.logLevel), io, start)
    })
}

/** Runs until it is told to end. Rejects where it cannot start, or cannot keep what it promised. */
async function serve(config: Config, log: Logger, io: Io, start: StartSidecar): Promise<void> {
  beginYoung()
  const told = Promise.withResolvers<void>()
  let stopping = false
  const stop = (signal: Signal): void => {
    if (stopping) {
      log.warn({ signal }, 'ends at once')
      io.exit(signal === 'SIGINT' ? 130 : 143)
    }
    stopping = true
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
  sidecar = await start(config, log, io.env)
  if (hungUpEarly) reload()
  // Nobody has to read it: a sidecar does not end because its starter went away.
  const unread = (error: unknown): void => log.warn({ err: error }, 'nobody reads standard output')
  if (!stopping) await print(io.stdout, `agent-performance listening on ${sidecar.url}`).catch(unread)
  await told.promise
  await sidecar.close()
}
