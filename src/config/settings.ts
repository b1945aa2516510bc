/**
 * The table of all settings. Flags, environment variables, file keys, the help, the documentation and the Config derive from it. The file is
 * longer than others because it is a table.
 */
import { MAX_IDS } from '../core/aggregate/dedup-window.ts'
import type { AlertsConfig } from './alerts.ts'
import {
  basePath,
  bytes,
  bytesOrNone,
  count,
  countUpTo,
  duration,
  hostNames,
  type Kind,
  type ListenAddress,
  listenAddress,
  origins,
  path,
  storeName,
  type Tier,
  tiers,
  timeout,
  toggle,
  traceUrl,
  wait,
  word,
} from './kind.ts'
import { DEFAULT_SPOOL_SHOWN, DEFAULT_STORE_SHOWN, defaultSpool, defaultStore } from './state-directory.ts'

/** A key takes about 10 KB of memory, an arm about half of that. */
const MAX_KEYS = 1_000_000
const MAX_ARMS = 100_000

/** Log levels, the most verbose one first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Where OTLP over gRPC is received by default: the port of the OpenTelemetry specification. */
const OTLP_GRPC_ADDRESS = '127.0.0.1:4317'

/** The settings in force. Frozen. */
export interface Config {
  readonly listen: ListenAddress
  /** Without a slash at its end; empty for the root. */
  readonly basePath: string
  /** Where the live page links a trace: a URL with `{trace_id}`. */
  readonly traceUrl: string | undefined
  /** The path of the documented JSON file, or a URL. The URL may contain a password. */
  readonly store: string
  readonly admin: boolean
  readonly authTokenFile: string | undefined
  readonly insecureNoAuth: boolean
  readonly tlsCert: string | undefined
  readonly tlsKey: string | undefined
  readonly allowHost: readonly string[]
  readonly allowOrigin: readonly string[]
  readonly maxBodyBytes: number
  readonly maxOtlpBodyBytes: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly maxConnections: number
  readonly maxInFlightBytes: number
  readonly maxPendingAttempts: number
  readonly maxQuestions: number
  readonly maxAnswerBytes: number
  readonly maxKeys: number
  readonly maxArms: number
  readonly tiers: readonly Tier[]
  readonly retentionAgeMs: number
  readonly retentionBytes: number
  readonly idWindow: number
  readonly idWindowAgeMs: number
  /** A folder for this sidecar only. If it ends in `/`, each sidecar gets a folder of its own in it. */
  readonly spool: string
  /** 0 for no spool. */
  readonly spoolBytes: number
  readonly requireDurable: boolean
  /** A file of prices by model name. */
  readonly prices: string | undefined
  /** A file of the spellings of models by name. */
  readonly modelAliases: string | undefined
  readonly otlpGrpc: boolean
  /** Undefined if only {@link otlpGrpc} decides: then the default address is used. */
  readonly otlpGrpcListen: ListenAddress | undefined
  readonly otlpMetrics: boolean
  readonly otlpInvokeAgentMetric: boolean
  /** A file of rules that decide which telemetry counts as attempts. */
  readonly otlpMapping: string | undefined
  readonly drainDelayMs: number
  readonly drainTimeoutMs: number
  readonly logLevel: LogLevel
  /** The section `alerts` of the config file. It has no flag. */
  readonly alerts: AlertsConfig
}

/** One setting. Its name is the flag, the key in the file and, in capitals, the environment variable. */
export interface Setting<T> {
  readonly name: string
  readonly kind: Kind<NonNullable<T>>
  /** As a user would write it, or how it derives from the environment. Undefined if the setting has no default. */
  readonly default: string | readonly string[] | EnvironmentDefault | undefined
  readonly description: string
  readonly group: Group
}

/** A default that depends on the environment, and how documentation shows it. */
export interface EnvironmentDefault {
  readonly shown: string
  readonly in: (env: Readonly<Record<string, string | undefined>>) => string
}

export type Group = 'Where' | 'Who may ask' | 'Limits' | 'What is kept' | 'Running'

export const SETTINGS: { readonly [Field in Exclude<keyof Config, 'alerts'>]: Setting<Config[Field]> } = {
  listen: {
    name: 'listen',
    kind: listenAddress,
    default: '127.0.0.1:9464',
    description: 'Address to listen on. Port 0 selects a free port.',
    group: 'Where',
  },
  basePath: {
    name: 'base-path',
    kind: basePath,
    default: '/',
    description:
      'Path below which everything is served, such as /agents/perf, for a reverse proxy that does not remove it.',
    group: 'Where',
  },
  traceUrl: {
    name: 'trace-url',
    kind: traceUrl,
    default: undefined,
    description:
      'URL of your trace viewer, with {trace_id} for the id, such as https://tempo.example/{trace_id}. The live page links attempts to it. Everyone who can reach the page can read it.',
    group: 'Where',
  },
  store: {
    name: 'store',
    kind: storeName,
    default: { shown: DEFAULT_STORE_SHOWN, in: defaultStore },
    description:
      'Store of the attempts: the path of the documented JSON file. Default: agent_performance.json in $STATE_DIRECTORY (systemd), otherwise in $XDG_STATE_HOME/agent-performance, where XDG_STATE_HOME defaults to ~/.local/state. sqlite:PATH, postgres://… and redis://… select other stores, see docs/storage.md.',
    group: 'Where',
  },
  admin: {
    name: 'admin',
    kind: toggle,
    default: 'false',
    description:
      'Allow deletion of all attempts (DELETE /api/v1/metrics) and plans of experiments (PUT /api/v1/experiments/NAME) over HTTP.',
    group: 'Who may ask',
  },
  authTokenFile: {
    name: 'auth-token-file',
    kind: path,
    default: undefined,
    description: 'File of bearer tokens and their scopes. It is read again on SIGHUP.',
    group: 'Who may ask',
  },
  insecureNoAuth: {
    name: 'insecure-no-auth',
    kind: toggle,
    default: 'false',
    description:
      'Allow listening beyond this machine without tokens: anyone who can reach the port can read and record.',
    group: 'Who may ask',
  },
  tlsCert: {
    name: 'tls-cert',
    kind: path,
    default: undefined,
    description: 'Certificate chain (PEM). Enables HTTPS together with tls-key.',
    group: 'Who may ask',
  },
  tlsKey: {
    name: 'tls-key',
    kind: path,
    default: undefined,
    description: 'Private key (PEM) of tls-cert.',
    group: 'Who may ask',
  },
  allowHost: {
    name: 'allow-host',
    kind: hostNames,
    default: [],
    description:
      'Host name that clients may use for the sidecar (Host header); * allows any. localhost and IP addresses are always allowed.',
    group: 'Who may ask',
  },
  allowOrigin: {
    name: 'allow-origin',
    kind: origins,
    default: [],
    description: 'Origin of web pages that may send requests; * allows any.',
    group: 'Who may ask',
  },
  maxBodyBytes: {
    name: 'max-body-bytes',
    kind: bytes,
    default: '5MiB',
    description: 'Maximum size of a JSON body after decompression. Values above 256MiB count as 256MiB.',
    group: 'Limits',
  },
  maxOtlpBodyBytes: {
    name: 'max-otlp-body-bytes',
    kind: bytes,
    default: '20MiB',
    description: 'Maximum size of an OTLP body after decompression. Values above 256MiB count as 256MiB.',
    group: 'Limits',
  },
  headersTimeoutMs: {
    name: 'headers-timeout',
    kind: timeout,
    default: '10s',
    description:
      'Timeout for the headers of a request. For the first request of a connection, it includes the TLS handshake.',
    group: 'Limits',
  },
  requestTimeoutMs: {
    name: 'request-timeout',
    kind: timeout,
    default: '30s',
    description: 'Timeout for a whole request. For a stream of lines, for the next line.',
    group: 'Limits',
  },
  keepAliveTimeoutMs: {
    name: 'keep-alive-timeout',
    kind: timeout,
    default: '65s',
    description: 'Timeout after which an idle connection is closed.',
    group: 'Limits',
  },
  maxConnections: {
    name: 'max-connections',
    kind: count,
    default: '1024',
    description: 'Maximum number of concurrent connections.',
    group: 'Limits',
  },
  maxInFlightBytes: {
    name: 'max-in-flight-bytes',
    kind: bytes,
    default: '64MiB',
    description:
      'Maximum total bytes of bodies and lines in progress. Beyond it, streams wait for a moment, and requests get a 429.',
    group: 'Limits',
  },
  maxPendingAttempts: {
    name: 'max-pending-attempts',
    kind: count,
    default: '100000',
    description: 'Maximum number of attempts that wait for the disk. Beyond it, requests get a 429.',
    group: 'Limits',
  },
  maxQuestions: {
    name: 'max-questions',
    kind: count,
    default: '256',
    description:
      'Maximum number of questions that are queued or being computed, or whose answer is being sent. Beyond it, requests get a 429. Scrapes do not count.',
    group: 'Limits',
  },
  maxAnswerBytes: {
    name: 'max-answer-bytes',
    kind: bytes,
    default: '96MiB',
    description: 'Maximum total bytes of answers that clients have not read yet. Beyond it, requests get a 429.',
    group: 'Limits',
  },
  maxKeys: {
    name: 'max-keys',
    kind: countUpTo(MAX_KEYS),
    default: '10000',
    description:
      'Maximum number of keys (agent, model and issue type), up to 1000000. Attempts of further keys count under __overflow__. Existing keys remain.',
    group: 'Limits',
  },
  maxArms: {
    name: 'max-arms',
    kind: countUpTo(MAX_ARMS),
    default: '1000',
    description:
      'Maximum number of arms of experiments (experiment and variant), up to 100000. Attempts of further arms count in no experiment. Existing arms remain.',
    group: 'Limits',
  },
  tiers: {
    name: 'tiers',
    kind: tiers,
    default: '1m:26h,1h:90d,1d:forever',
    description:
      'Time resolution of the aggregates and how long each is kept: span:keep, from fine to coarse. After a change, new tiers are built from the existing ones and from the journal.',
    group: 'What is kept',
  },
  retentionAgeMs: {
    name: 'retention-age',
    kind: duration,
    default: '90d',
    description: 'Individual attempts older than this are deleted. Totals remain.',
    group: 'What is kept',
  },
  retentionBytes: {
    name: 'retention-bytes',
    kind: bytes,
    default: '1GiB',
    description: 'Maximum size of individual attempts on disk. Beyond it, the oldest are deleted. Totals remain.',
    group: 'What is kept',
  },
  idWindow: {
    name: 'id-window',
    kind: countUpTo(MAX_IDS),
    default: '1000000',
    description: 'Number of attempt ids that are remembered to detect duplicates, up to 10000000.',
    group: 'What is kept',
  },
  idWindowAgeMs: {
    name: 'id-window-age',
    kind: duration,
    default: '24h',
    description: 'How long an attempt id is remembered to detect duplicates.',
    group: 'What is kept',
  },
  spool: {
    name: 'spool',
    kind: path,
    default: { shown: DEFAULT_SPOOL_SHOWN, in: defaultSpool },
    description:
      'Folder of the attempts that are recorded while the PostgreSQL or Redis server of the store is away. One sidecar can use it at a time. If the path ends in /, each sidecar and store gets a folder of its own in it.',
    group: 'What is kept',
  },
  spoolBytes: {
    name: 'spool-bytes',
    kind: bytesOrNone,
    default: '1GiB',
    description:
      'Maximum size of the spool. Beyond it, and with 0, attempts are refused while the server of the store is away.',
    group: 'What is kept',
  },
  requireDurable: {
    name: 'require-durable',
    kind: toggle,
    default: 'false',
    description:
      'Refuse a PostgreSQL or Redis server that may lose recorded attempts when it crashes: PostgreSQL with fsync, synchronous_commit or full_page_writes off, Redis without appendonly yes and appendfsync always.',
    group: 'What is kept',
  },
  prices: {
    name: 'prices',
    kind: path,
    default: undefined,
    description:
      'File of prices in US dollars per million tokens by model name. They take precedence over the built-in prices. It is read again on SIGHUP.',
    group: 'What is kept',
  },
  modelAliases: {
    name: 'model-aliases',
    kind: path,
    default: undefined,
    description:
      'File of spellings by model name, JSON or YAML (claude-x: ["claude-x[1m]", anthropic/claude-x]). Attempts of a spelling are recorded under the name. It is read again on SIGHUP.',
    group: 'What is kept',
  },
  otlpGrpc: {
    name: 'otlp-grpc',
    kind: toggle,
    default: 'false',
    description: 'Receive OTLP over gRPC too, on otlp-grpc-listen. Limits, tokens and certificates are those of HTTP.',
    group: 'Where',
  },
  otlpGrpcListen: {
    name: 'otlp-grpc-listen',
    kind: listenAddress,
    default: undefined,
    description: `Address of OTLP over gRPC; it includes otlp-grpc. With otlp-grpc alone it is ${OTLP_GRPC_ADDRESS}. Port 0 selects a free port.`,
    group: 'Where',
  },
  otlpMetrics: {
    name: 'otlp-metrics',
    kind: toggle,
    default: 'false',
    description:
      'Count the OTLP metrics agent.attempts and agent.attempt.*, for clients that send nothing else. Attempts that are also sent another way count twice.',
    group: 'What is kept',
  },
  otlpInvokeAgentMetric: {
    name: 'otlp-invoke-agent-metric',
    kind: toggle,
    default: 'false',
    description:
      'Count the OTLP metric gen_ai.invoke_agent.duration of the GenAI conventions, for clients that send nothing else. Attempts that are also sent another way count twice.',
    group: 'What is kept',
  },
  otlpMapping: {
    name: 'otlp-mapping',
    kind: path,
    default: undefined,
    description:
      'JSON file of rules that decide which log records and spans count as attempts, in addition to the built-in ones. It is read again on SIGHUP.',
    group: 'What is kept',
  },
  drainDelayMs: {
    name: 'drain-delay',
    kind: wait,
    default: '0s',
    description: 'How long to continue serving as "not ready" after SIGTERM. Use 5s behind a Kubernetes service.',
    group: 'Running',
  },
  drainTimeoutMs: {
    name: 'drain-timeout',
    kind: timeout,
    default: '20s',
    description: 'After drain-delay, how long requests in progress may take before their connections are closed.',
    group: 'Running',
  },
  logLevel: {
    name: 'log-level',
    kind: word(LOG_LEVELS),
    default: 'info',
    description: `Minimum level of the log: ${LOG_LEVELS.join(', ')}.`,
    group: 'Running',
  },
}

/** The address of OTLP over gRPC. Undefined if it is not received. */
export function grpcAddress({
  otlpGrpc,
  otlpGrpcListen,
}: Pick<Config, 'otlpGrpc' | 'otlpGrpcListen'>): ListenAddress | undefined {
  return otlpGrpcListen ?? (otlpGrpc ? listenAddress.schema.parse(OTLP_GRPC_ADDRESS) : undefined)
}

/** A setting and its field in the Config. */
export type AnySetting = Setting<unknown> & { readonly field: keyof Config }

/** All settings in the order of the table. */
export const settings: readonly AnySetting[] = Object.entries(SETTINGS).map(([field, setting]) => ({
  ...(setting as Setting<unknown>),
  field: field as keyof Config,
}))

/** The prefix of every environment variable. */
export const PREFIX = 'AGENT_PERFORMANCE_'

/** The environment variable of a name: `AGENT_PERFORMANCE_MAX_KEYS` for `max-keys`. */
export const variableOf = (name: string): string => PREFIX + name.toUpperCase().replaceAll('-', '_')

/** The flag as the help shows it: `--max-keys <count>`. The value of a switch is optional. */
export function flagOf({ name, kind }: Pick<Setting<unknown>, 'name' | 'kind'>): string {
  return kind.given === 'switch' ? `--${name} [${kind.form}]` : `--${name} <${kind.form}>`
}

/** The default as a user would write it. Empty if there is none. */
export function defaultOf({ default: preset }: Pick<Setting<unknown>, 'default'>): string {
  if (preset === undefined || typeof preset === 'string') return preset ?? ''
  return 'shown' in preset ? preset.shown : preset.join(',')
}
