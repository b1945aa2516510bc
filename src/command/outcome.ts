/** `outcome`: records what became known of an attempt later, for scripts such as those of CI. */
import { type Command, Option } from 'commander'
import { outcomeProblems } from '../core/attempt/outcome.ts'
import { parseTimestamp, printTimestamp } from '../core/attempt/timestamp.ts'
import type { Outcome } from '../core/fold.ts'
import { CommandError, EXIT } from './exit.ts'
import { type Io, print, printJson } from './io.ts'
import { withSource } from './source.ts'
import { printable } from './table.ts'
import { type WhereOptions, withWhere } from './where.ts'

const HELP = `
An agent says that it fixed an issue. CI, a reviewer or production find out
later. The outcome is kept on disk before the command ends, and counts from then
on instead of what the agent said. To record the same outcome again changes
nothing. Exits with 65 if no stored attempt has the id.

Of several outcomes the latest counts, unless the sidecar has --outcome-sources.
"agent-performance import" takes files of outcomes, one JSON object per line.

Examples:
  agent-performance outcome --attempt-id "$ATTEMPT" --success --source ci
  agent-performance outcome --attempt-id "$ATTEMPT" --failure --source review \\
    --note "the fix breaks the login"`

interface OutcomeOptions extends WhereOptions {
  readonly attemptId: string
  readonly source: string
  readonly success?: true
  readonly failure?: true
  readonly timestamp?: string
  readonly note?: string
}

export function addOutcome(program: Command, io: Io): void {
  const command = program.command('outcome').summary('record what became known of an attempt later')
  const option = (flags: string, description: string): Option => new Option(flags, description).helpGroup('Outcome:')
  withWhere(command.description('Records what became known of an attempt later.'), 'record')
    .addOption(option('--attempt-id <name>', 'the id of the attempt').makeOptionMandatory())
    .addOption(option('--success', 'it was fixed').conflicts('failure'))
    .addOption(option('--failure', 'it was not fixed'))
    .addOption(option('--source <name>', 'who found out, such as ci, review or production').makeOptionMandatory())
    .addOption(option('--timestamp <time>', 'when it was found out (RFC 3339; default: now)'))
    .addOption(option('--note <text>', 'why, for people'))
    .addHelpText('after', HELP)
    .action(async ({ json, ...options }: OutcomeOptions) => {
      const outcome = outcomeOf(options)
      const { accepted, duplicates, unknown } = await withSource(options, io, 'record', source =>
        source.recordOutcomes([outcome]),
      )
      if (unknown.length > 0)
        throw new CommandError(
          EXIT.data,
          `no stored attempt has the id ${printable(outcome.attempt_id)}: record the attempt first, with --attempt-id. Attempts older than --retention-age are deleted`,
        )
      if (json) return await printJson(io.stdout, { attempt_id: outcome.attempt_id, accepted, duplicates })
      const id = printable(outcome.attempt_id)
      await print(io.stdout, accepted === 1 ? `Recorded an outcome of ${id}` : `Known already: ${id}`)
    })
}

/** The outcome that the options state. Throws a {@link CommandError} that names each bad one. */
function outcomeOf({ attemptId, source, success, failure, timestamp, note }: OutcomeOptions): Outcome {
  if (success === undefined && failure === undefined)
    throw new CommandError(EXIT.usage, 'say how it turned out: --success or --failure')
  const outcome = {
    attempt_id: attemptId,
    success: success === true,
    source,
    ...(timestamp !== undefined && { timestamp: zoned(timestamp) }),
    ...(note !== undefined && { note }),
  }
  const problems = outcomeProblems(outcome, text => parseTimestamp(text) !== undefined)
  if (problems.length === 0) return outcome
  const texts = problems.map(({ pointer, detail }) => `--${pointer.slice(1).replaceAll('_', '-')} ${detail}`)
  throw new CommandError(EXIT.usage, printable(texts.join('; ')))
}

/** A time without a zone is local to this machine. A sidecar may run in another time zone. */
function zoned(timestamp: string): string {
  const at = parseTimestamp(timestamp)
  return at?.local ? printTimestamp({ ms: at.ms, local: false }) : timestamp
}
