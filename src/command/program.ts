/** Parses the command line and runs the command. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Command, CommanderError } from 'commander'
import { VERSION } from '../lib/version.ts'
import { addAlertsTest } from './alerts-test.ts'
import { addCheckConfig } from './check-config.ts'
import { addCompareModels } from './compare-models.ts'
import { addCopy } from './copy.ts'
import { EXIT, EXIT_HELP, systemCode } from './exit.ts'
import { addExport } from './export.ts'
import { addImport } from './import.ts'
import { type Io, notWritten, print } from './io.ts'
import { addMcp } from './mcp.ts'
import { addQuestionCommands } from './question-command.ts'
import { addRecord } from './record.ts'
import { addServe, type StartSidecar } from './serve.ts'

const EXAMPLES = `
Examples:
  agent-performance serve              the sidecar on http://127.0.0.1:9464
  agent-performance report --since 7d  how the agents did this week
  agent-performance best bug           who should get the next bug
  agent-performance calibration        whether their confidence can be believed
  agent-performance help serve         all settings

${EXIT_HELP}`

/** Loads the server on demand, because questions do not need it. */
const startSidecar: StartSidecar = async (config, log, env, output) =>
  (await import('../sidecar.ts')).startSidecar(config, log, env, output)

/**
 * Runs the command that `argv` names (without node and script) and resolves with the exit code. Prints wrong usage to standard error and
 * resolves with 64. Rejects on any other failure.
 */
export async function run(argv: readonly string[], io: Io, start: StartSidecar = startSidecar): Promise<number> {
  let exitCode: number = EXIT.ok
  const exit = (code: number): void => {
    exitCode = code
  }
  // `print` reports a failed write, but commander's write of a help text does not. Keep that error for below.
  let unwritten: unknown
  io.stdout.on('error', error => {
    unwritten = error
  })
  io.stderr.on('error', () => undefined)
  try {
    const program = await createProgram(io, exit, start)
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // A stream emits its error after the write returned.
    await nextTurn()
    if (unwritten !== undefined && systemCode(unwritten) !== 'EPIPE') throw notWritten('standard output', unwritten)
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  }
}

async function createProgram(io: Io, exit: (code: number) => void, start: StartSidecar): Promise<Command> {
  const program = new Command('agent-performance')
    .description('Keeps every attempt of an AI agent at an issue, and answers how well agents and models do.')
    .version(VERSION, '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .exitOverride()
    .showHelpAfterError('Add --help to see how it is used.')
    .configureOutput({
      writeOut: text => io.stdout.write(text),
      writeErr: text => {
        // Ignore a failed write. The exit code still reports wrong usage.
        print(io.stderr, text.trimEnd()).catch(() => undefined)
      },
      getOutHelpWidth: () => io.stdout.columns ?? 80,
      getErrHelpWidth: () => io.stderr.columns ?? 80,
    })
    // By default, descriptions beside a long flag are not wrapped at 80 columns.
    .configureHelp({ minWidthToWrap: 30 })
    .addHelpText('after', EXAMPLES)
  addServe(program, io, start)
  await addQuestionCommands(program, io, exit)
  addAlertsTest(program, io, exit)
  addCompareModels(program, io)
  addRecord(program, io)
  addImport(program, io)
  addExport(program, io)
  addCopy(program, io)
  addMcp(program, io)
  addCheckConfig(program, io)
  return program
}
