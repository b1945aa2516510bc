/** `alerts test`: sends one test notification to each sink of the settings. */
import type { Command } from 'commander'
import { loadConfig } from '../config/config.ts'
import { createLog } from '../server/log.ts'
import { EXIT } from './exit.ts'
import { type Io, print, printJson } from './io.ts'

const HELP = `
Sends one test notification to each sink of the section "alerts" of the config
file, once and without a retry, and prints what happened. It needs no running
sidecar, and changes no store. Run it where the sidecar runs, as its user: it
reads the same secrets, and is in the same network.

Exits with 1 if a sink was not notified.

Examples:
  agent-performance alerts test --config agents.yaml
  agent-performance alerts test --config agents.yaml --json`

/** Adds `test` to the command `alerts`. `exit` sets the exit code. */
export function addAlertsTest(program: Command, io: Io, exit: (code: number) => void): void {
  program.commands
    .find(command => command.name() === 'alerts')!
    .command('test')
    .summary('send a test notification to each sink')
    .description('Sends one test notification to each sink of the config file.')
    .option('--config <path>', 'file of settings, JSON or YAML (default: $AGENT_PERFORMANCE_CONFIG)')
    .option('--json', 'print JSON, for programs')
    .addHelpText('after', HELP)
    .action(async (_options: object, command: Command) => {
      const { config: configFile, json } = command.optsWithGlobals<{ config?: string; json?: true }>()
      const results = await notifySinks(configFile, io)
      if (results.some(({ status }) => status !== 'sent')) exit(EXIT.noAnswer)
      if (json) await printJson(io.stdout, results)
      else await print(io.stdout, results.map(lineOf).join('\n'))
    })
}

interface Result {
  readonly sink: string
  readonly type: string
  readonly status: 'sent' | 'failed'
  readonly reason?: string
  /** What to do about it. */
  readonly remedy?: string
}

/** Loads what notifies sinks on demand, because no other command needs it. */
async function notifySinks(configFile: string | undefined, io: Io): Promise<readonly Result[]> {
  const { config } = loadConfig({ flags: {}, env: io.env, configFile })
  const { createSinks } = await import('../notify/sinks/sinks.ts')
  const { refreshMsOf } = await import('../notify/notifier.ts')
  const { testNotification } = await import('../notify/test-notification.ts')
  const { intervalMs, externalUrl } = config.alerts
  const { host, port } = config.listen
  const baseUrl = externalUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}${config.basePath}/`
  const log = createLog('info', io.stderr)
  const sinks = createSinks(config.alerts.sinks, {
    baseUrl,
    refreshMs: refreshMsOf(intervalMs),
    write: (level, fields, message) => log[level](fields, message),
  })
  const nowMs = Date.now()
  const notification = testNotification(nowMs, { baseUrl })
  const signal = new AbortController().signal
  return await Promise.all(
    sinks.map(async (sink): Promise<Result> => {
      const { name, type } = sink
      const result = await sink.send([notification], { nowMs, signal })
      if (result.status === 'sent') return { sink: name, type, status: 'sent' }
      const { reason, remedy } = result
      return { sink: name, type, status: 'failed', reason, ...(remedy !== undefined && { remedy }) }
    }),
  )
}

const lineOf = ({ sink, type, status, reason, remedy }: Result): string =>
  `${sink} (${type}): ${status}${reason === undefined ? '' : `: ${reason}`}${remedy === undefined ? '' : `. ${remedy}`}`
