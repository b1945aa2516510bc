/** Options that several commands share. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { count } from '../config/kind.ts'
import { parseDuration } from '../core/attempt/timestamp.ts'
import { nameProblem } from '../core/attempt/validation.ts'
import { parseRange } from '../core/reports/range.ts'
import type { Question } from '../tracker.ts'
import { CommandError, EXIT } from './exit.ts'

/** Where to ask or record. */
export interface WhereOptions {
  readonly url?: string
  readonly store?: string
  readonly tokenFile?: string
}

export interface QuestionOptions extends WhereOptions {
  readonly since?: string
  readonly until?: string
  readonly agentName?: string
  readonly modelName?: string
  readonly issueType?: string
  readonly json?: true
}

const STORE = {
  ask: 'a store itself, read only: another process may have it open',
  record: 'a store itself, while no other process has it open',
} as const

/** Adds `--url`, `--store`, `--token-file` and `--json`. */
export function withWhere(command: Command, use: keyof typeof STORE = 'ask'): Command {
  return command
    .optionsGroup('Where:')
    .option('--url <url>', 'a running sidecar (default: $AGENT_PERFORMANCE_URL, else http://127.0.0.1:9464)')
    .addOption(new Option('--store <path|url>', STORE[use]).conflicts('url'))
    .option(
      '--token-file <path>',
      'file that holds the bearer token for the sidecar (default: $AGENT_PERFORMANCE_TOKEN_FILE)',
    )
    .optionsGroup('Options:')
    .option('--json', 'print JSON, for programs')
}

const NAMES = [
  ['agent-name', 'only this agent'],
  ['model-name', 'only this model'],
  ['issue-type', 'only this issue type'],
] as const

/** Adds the range and the filters every question takes, but those it has in another way. */
export function withQuestion(command: Command, without: readonly string[] = []): Command {
  command
    .optionsGroup('Which attempts:')
    .option('--since <time>', 'from then on: an RFC 3339 time, or a length back from now such as 24h or 7d')
    .option('--until <time>', 'until then (default: now)')
  for (const [name, description] of NAMES) {
    if (!without.includes(name)) command.option(`--${name} <name>`, description, parseName)
  }
  return command
}

/** Adds `--min-attempts`. */
export function withMinAttempts(command: Command, preset = 5): Command {
  return command.option(
    '--min-attempts <count>',
    `leave out keys (agent, model and issue type) with fewer attempts (default: ${preset})`,
    parseCount,
  )
}

/** The question that the options ask. Throws a {@link CommandError} where the range cannot be read. */
export function questionOf(options: QuestionOptions): Question {
  const { since, until, agentName, modelName, issueType } = options
  const range = parseRange({ since, until }, Date.now())
  if (range !== undefined && 'detail' in range) {
    throw new CommandError(EXIT.usage, `--${range.parameter} ${range.detail}`)
  }
  return { since, until, agent_name: agentName, model_name: modelName, issue_type: issueType }
}

/** Whether a question leaves anything out. */
export const isNarrowed = (question: Question): boolean => Object.values(question).some(value => value !== undefined)

/** Reads a name; throws what commander tells the user. */
export function parseName(given: string): string {
  const problem = nameProblem(given)
  if (problem !== undefined) throw new InvalidArgumentError(`It ${problem}.`)
  return given
}

function parseCount(given: string): number {
  const parsed = count.schema.safeParse(given)
  if (!parsed.success) throw new InvalidArgumentError('It must be a whole number, 1 or more.')
  return parsed.data
}

/** Reads a length of time such as `7d`, and gives it as it was written; throws what commander tells the user. */
export function parseLength(given: string): string {
  if ((parseDuration(given) ?? 0) > 0) return given
  throw new InvalidArgumentError('It must be a length of time such as 15m, 24h or 7d.')
}

/** Reads a number from 0 to `most`; throws what commander tells the user. */
export function parseAmount(given: string, most: number): number {
  const value = /^\d{1,12}(\.\d{1,12})?$/.test(given) ? Number(given) : Number.NaN
  if (value <= most) return value
  throw new InvalidArgumentError(`It must be a number from 0 to ${most}.`)
}
