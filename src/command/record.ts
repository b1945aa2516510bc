/** `record`: records one attempt, for scripts. */
import { randomUUID } from 'node:crypto'
import { type Command, Option } from 'commander'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import { type AttemptField, FIELD_LIST, type ListedField } from '../core/attempt/fields.ts'
import { parseTimestamp } from '../core/attempt/timestamp.ts'
import { attemptProblems } from '../core/attempt/validation.ts'
import { CommandError, EXIT } from './exit.ts'
import { uncapitalized } from './format.ts'
import { type Io, print, printJson } from './io.ts'
import { withSource } from './source.ts'
import { printable } from './table.ts'
import { type WhereOptions, withWhere } from './where.ts'

const HELP = `
The attempt is kept on disk before the command ends. It gets an id, which is
printed. To record it again with --attempt-id counts nothing twice, so a script
may try again after an error.

Examples:
  agent-performance record --agent-name droid --model-name gpt-5 \\
    --issue-type bug --success --time-seconds 12.5 --confidence 0.9
  agent-performance record --agent-name droid --model-name gpt-5 \\
    --issue-type bug --failure --time-seconds 80 --error-type tests_failed`

/** The fields with an option of their name. The outcome has two options. */
const OPTION_FIELDS = FIELD_LIST.filter(({ kind }) => kind !== 'boolean')

export function addRecord(program: Command, io: Io): void {
  const command = program.command('record').summary('record one attempt')
  withWhere(command.description('Records one attempt.'), 'record')
    .addOption(new Option('--success', 'it was fixed').helpGroup('Attempt:').conflicts(['failure', 'pending']))
    .addOption(new Option('--failure', 'it was not fixed').helpGroup('Attempt:').conflicts('pending'))
    .addOption(new Option('--pending', 'an outcome will tell; see "agent-performance outcome"').helpGroup('Attempt:'))
  for (const field of OPTION_FIELDS) command.addOption(optionOf(field))
  command.addHelpText('after', HELP).action(async ({ json, ...where }: WhereOptions) => {
    const attempt = attemptOf(command.opts())
    const counts = await withSource(where, io, 'record', source => source.record([attempt]))
    if (json) return await printJson(io.stdout, { attempt_id: attempt.attempt_id, ...counts })
    await print(io.stdout, `${counts.accepted === 1 ? 'Recorded' : 'Known already:'} ${printable(attempt.attempt_id)}`)
  })
}

const flagOf = (name: string): string => `--${name.replaceAll('_', '-')}`

function optionOf({ name, required, description, ...field }: ListedField): Option {
  const help = uncapitalized(description).replace(/\.$/, '')
  return new Option(`${flagOf(name)} <${VALUES[field.kind]}>`, help).helpGroup('Attempt:').makeOptionMandatory(required)
}

const VALUES: Readonly<Record<AttemptField['kind'], string>> = {
  string: 'name',
  boolean: '',
  number: 'number',
  integer: 'count',
  timestamp: 'time',
}

/** The attempt that the options state. Throws a {@link CommandError} that names each bad one. */
function attemptOf(options: Readonly<Record<string, unknown>>): NewAttempt & { readonly attempt_id: string } {
  if (options.success === undefined && options.failure === undefined && options.pending === undefined)
    throw new CommandError(EXIT.usage, 'say how it ended: --success or --failure, or --pending')
  const stated = OPTION_FIELDS.flatMap(field => {
    const value = options[new Option(flagOf(field.name)).attributeName()]
    return typeof value === 'string' ? [[field.name, parsedValue(field, value)] as const] : []
  })
  const attempt = {
    attempt_id: randomUUID(),
    timestamp: new Date().toISOString(),
    ...Object.fromEntries(stated),
    ...(options.pending === undefined && { success: options.success === true }),
  }
  const problems = attemptProblems(attempt, text => parseTimestamp(text) !== undefined)
  if (problems.length > 0) {
    const texts = problems.map(({ pointer, detail }) => `${flagOf(pointer.slice(1))} ${detail}`)
    throw new CommandError(EXIT.usage, printable(texts.join('; ')))
  }
  return attempt as NewAttempt & { readonly attempt_id: string }
}

/** A number in decimal digits. `Number` alone would also read `0x10` and the empty text. Other text stays as it is, and is then named as wrong. */
function parsedValue({ kind }: ListedField, text: string): string | number {
  const isNumber =
    (kind === 'number' || kind === 'integer') && /^\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?$/i.test(text)
  return isNumber ? Number(text) : text
}
