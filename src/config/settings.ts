/** The one table of settings: flags, variables, file keys, help, the README and the Config all come from it. */
import { MAX_IDS } from '../core/aggregate/dedup-window.ts'
import {
  bytes,
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
  wait,
  word,
} from './kind.ts'

import { DEFAULT_STORE_SHOWN, defaultStore } from './state-directory.ts'

/** A key takes some ten kilobytes, an arm about half of that. */
const MAX_KEYS = 1_000_000
const MAX_ARMS = 100_000

/** The levels of the log, most talkative first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What is in force. Frozen. */
export interface Config {
  readonly listen: ListenAddress
  /** A path of the documented file, or a URL: it may hold a password. */
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
  /** A file of prices by model name. */
  readonly prices: string | undefined
  readonly otlpMetrics: boolean
  /** A file of rules for what telemetry counts as attempts. */
  readonly otlpMapping: string | undefined
  readonly drainDelayMs: number
  readonly drainTimeoutMs: number
  readonly logLevel: LogLevel
}

/** One setting: its name is the flag, the key of the file and, in capitals, the variable. */
export interface Setting<T> {
  readonly name: string
  readonly kind: Kind<NonNullable<T>>
  /** As a user would write it, or how it follows from the environment; undefined where the setting is off. */
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

export const SETTINGS: { readonly [Field in keyof Config]: Setting<Config[Field]> } = {
  listen: {
    name: 'listen',
    kind: listenAddress,
    default: '127.0.0.1:9464',
    description: 'Where to listen; port 0 picks a free one.',
    group: 'Where',
  },
  store: {
    name: 'store',
    kind: storeName,
    default: { shown: DEFAULT_STORE_SHOWN, in: defaultStore },
    description:
      'Where attempts are kept: a path of the documented JSON file. Unset: agent_performance.json in $STATE_DIRECTORY (systemd), else in $XDG_STATE_HOME/agent-performance, where XDG_STATE_HOME is ~/.local/state by default. sqlite:, postgres:// and redis:// are for other stores, which this version does not support yet.',
    group: 'Where',
  },
  admin: {
    name: 'admin',
    kind: toggle,
    default: 'false',
    description: 'Let all attempts be forgotten over HTTP: DELETE /api/v1/metrics.',
    group: 'Who may ask',
  },
  authTokenFile: {
    name: 'auth-token-file',
    kind: path,
    default: undefined,
    description: 'File of bearer tokens and their scopes, read again on SIGHUP.',
    group: 'Who may ask',
  },
  insecureNoAuth: {
    name: 'insecure-no-auth',
    kind: toggle,
    default: 'false',
    description: 'Listen beyond this machine without tokens: whoever reaches the port may read and record.',
    group: 'Who may ask',
  },
  tlsCert: {
    name: 'tls-cert',
    kind: path,
    default: undefined,
    description: 'Certificate chain (PEM); with tls-key, HTTPS is spoken.',
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
      'A further name clients may call the sidecar by (Host header), * for any; localhost and addresses always may.',
    group: 'Who may ask',
  },
  allowOrigin: {
    name: 'allow-origin',
    kind: origins,
    default: [],
    description: 'A web page of another origin that may ask, * for any.',
    group: 'Who may ask',
  },
  maxBodyBytes: {
    name: 'max-body-bytes',
    kind: bytes,
    default: '5MiB',
    description: 'Largest JSON body, after inflating; more than 256MiB counts as that.',
    group: 'Limits',
  },
  maxOtlpBodyBytes: {
    name: 'max-otlp-body-bytes',
    kind: bytes,
    default: '20MiB',
    description: 'Largest OTLP body, after inflating; more than 256MiB counts as that.',
    group: 'Limits',
  },
  headersTimeoutMs: {
    name: 'headers-timeout',
    kind: timeout,
    default: '10s',
    description: "Time for a request's headers; for a TLS handshake and the first of them together.",
    group: 'Limits',
  },
  requestTimeoutMs: {
    name: 'request-timeout',
    kind: timeout,
    default: '30s',
    description: 'Time for a whole request; for a stream of lines, for the next line of it.',
    group: 'Limits',
  },
  keepAliveTimeoutMs: {
    name: 'keep-alive-timeout',
    kind: timeout,
    default: '65s',
    description: 'How long an idle connection stays open.',
    group: 'Limits',
  },
  maxConnections: {
    name: 'max-connections',
    kind: count,
    default: '1024',
    description: 'Connections at the same time.',
    group: 'Limits',
  },
  maxInFlightBytes: {
    name: 'max-in-flight-bytes',
    kind: bytes,
    default: '64MiB',
    description:
      'Bodies and lines that are read or worked on, all together; beyond it streams wait for a moment, and the answer is 429.',
    group: 'Limits',
  },
  maxPendingAttempts: {
    name: 'max-pending-attempts',
    kind: count,
    default: '100000',
    description: 'Attempts waiting for the disk; beyond it the answer is 429.',
    group: 'Limits',
  },
  maxQuestions: {
    name: 'max-questions',
    kind: count,
    default: '256',
    description:
      'Questions in flight: waiting, being worked out, or their answer being read; beyond it the answer is 429. Scrapes do not count.',
    group: 'Limits',
  },
  maxAnswerBytes: {
    name: 'max-answer-bytes',
    kind: bytes,
    default: '128MiB',
    description: 'Answers to questions that are not read yet, all together; beyond it the answer is 429.',
    group: 'Limits',
  },
  maxKeys: {
    name: 'max-keys',
    kind: countUpTo(MAX_KEYS),
    default: '10000',
    description:
      'Keys (agent, model and issue type), at most 1000000; attempts of further ones count under __overflow__. Keys that are held already stay.',
    group: 'Limits',
  },
  maxArms: {
    name: 'max-arms',
    kind: countUpTo(MAX_ARMS),
    default: '1000',
    description:
      'Arms of experiments (experiment and variant), at most 100000; attempts of further ones are not told apart. Arms that are held already stay.',
    group: 'Limits',
  },
  tiers: {
    name: 'tiers',
    kind: tiers,
    default: '1m:24h,1h:90d,1d:forever',
    description:
      'How fine questions over time can be, and for how long: span:keep, from fine to coarse. Where it changes, what is new is built from what is held and from the journal.',
    group: 'What is kept',
  },
  retentionAgeMs: {
    name: 'retention-age',
    kind: duration,
    default: '90d',
    description: 'Single attempts older than this leave; totals stay.',
    group: 'What is kept',
  },
  retentionBytes: {
    name: 'retention-bytes',
    kind: bytes,
    default: '1GiB',
    description: 'Single attempts beyond this size on disk leave, oldest first; totals stay.',
    group: 'What is kept',
  },
  idWindow: {
    name: 'id-window',
    kind: countUpTo(MAX_IDS),
    default: '1000000',
    description: 'How many attempt ids are remembered, so that a repeated one counts once: at most 10000000.',
    group: 'What is kept',
  },
  idWindowAgeMs: {
    name: 'id-window-age',
    kind: duration,
    default: '24h',
    description: 'How long an attempt id is remembered.',
    group: 'What is kept',
  },
  prices: {
    name: 'prices',
    kind: path,
    default: undefined,
    description: 'File of prices in US dollars per million tokens, by model name; they go before the known ones.',
    group: 'What is kept',
  },
  otlpMetrics: {
    name: 'otlp-metrics',
    kind: toggle,
    default: 'false',
    description:
      'Count the metrics agent.attempts and agent.attempt.* that come by OTLP, for clients that send nothing else: attempts that come both ways count twice.',
    group: 'What is kept',
  },
  otlpMapping: {
    name: 'otlp-mapping',
    kind: path,
    default: undefined,
    description:
      'JSON file of rules for which log records and spans count as attempts, on top of the known ones; read again on SIGHUP.',
    group: 'What is kept',
  },
  drainDelayMs: {
    name: 'drain-delay',
    kind: wait,
    default: '0s',
    description: 'After SIGTERM, go on serving this long as "not ready"; 5s behind a Kubernetes service.',
    group: 'Running',
  },
  drainTimeoutMs: {
    name: 'drain-timeout',
    kind: timeout,
    default: '20s',
    description: 'After that, time for what is under way before connections are cut.',
    group: 'Running',
  },
  logLevel: {
    name: 'log-level',
    kind: word(LOG_LEVELS),
    default: 'info',
    description: `Least important thing that is logged: ${LOG_LEVELS.join(', ')}.`,
    group: 'Running',
  },
}

/** A setting with the field of the Config it fills. */
export type AnySetting = Setting<unknown> & { readonly field: keyof Config }

/** The table in its order. */
export const settings: readonly AnySetting[] = Object.entries(SETTINGS).map(([field, setting]) => ({
  ...(setting as Setting<unknown>),
  field: field as keyof Config,
}))

/** What every variable begins with. */
export const PREFIX = 'AGENT_PERFORMANCE_'

/** The variable of a name: `max-keys` is `AGENT_PERFORMANCE_MAX_KEYS`. */
export const variableOf = (name: string): string => PREFIX + name.toUpperCase().replaceAll('-', '_')

/** The flag as the help shows it: `--max-keys <count>`. A switch may stand alone. */
export function flagOf({ name, kind }: Pick<Setting<unknown>, 'name' | 'kind'>): string {
  return kind.given === 'switch' ? `--${name} [${kind.form}]` : `--${name} <${kind.form}>`
}

/** The default as a user would write it; empty where there is none. */
export function defaultOf({ default: preset }: Pick<Setting<unknown>, 'default'>): string {
  if (preset === undefined || typeof preset === 'string') return preset ?? ''
  return 'shown' in preset ? preset.shown : preset.join(',')
}
