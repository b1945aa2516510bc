/** Options that select the sidecar or the store of a command. */
import { type Command, Option } from 'commander'

/** Options of {@link withWhere}. */
export interface WhereOptions {
  readonly url?: string
  readonly store?: string
  readonly tokenFile?: string
  /** Of `import`: a file of the spellings of models by name. */
  readonly modelAliases?: string
  readonly json?: true
}

const STORE = {
  ask: 'a store itself, read only: another process may have it open',
  record: 'a store itself, while no other process has it open',
} as const

/** Adds `--url`, `--store`, `--token-file` and `--json`. */
export function withWhere(command: Command, use: keyof typeof STORE = 'ask'): Command {
  return withSourceOptions(command, use).optionsGroup('Options:').option('--json', 'print JSON, for programs')
}

/** Adds `--url`, `--store` and `--token-file`. */
export function withSourceOptions(command: Command, use: keyof typeof STORE = 'ask'): Command {
  return command
    .optionsGroup('Where:')
    .option('--url <url>', 'a running sidecar (default: $AGENT_PERFORMANCE_URL, else http://127.0.0.1:9464)')
    .addOption(new Option('--store <path|url>', STORE[use]).conflicts('url'))
    .option(
      '--token-file <path>',
      'file that holds the bearer token for the sidecar (default: $AGENT_PERFORMANCE_TOKEN_FILE)',
    )
}
