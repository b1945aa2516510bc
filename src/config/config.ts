/** Loads the settings (flags > environment > config file > defaults) into one frozen Config, and reports the source of each value. */
import { type AlertsConfig, DEFAULT_ALERTS, parseAlerts } from './alerts.ts'
import { type FileEntry, readConfigFile } from './file.ts'
import { isLoopback } from './kind.ts'
import { nearest } from './nearest.ts'
import { type AnySetting, type Config, grpcAddress, PREFIX, settings, variableOf } from './settings.ts'
import { shownAlerts } from './shown-alerts.ts'

export { isLoopback, type ListenAddress, type Tier } from './kind.ts'
export { type Config, grpcAddress, type LogLevel, variableOf } from './settings.ts'

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The sources of settings. */
export interface Given {
  /** Values of flags by the name of the setting. Undefined if a flag was not given. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly env: Environment
  /** The config file that `--config` names. */
  readonly configFile?: string | undefined
}

/** Where a value comes from. */
export type Source = 'flag' | 'environment' | 'file' | 'default'

/** One value in force. */
export interface InForce {
  readonly name: string
  /** As the user wrote it, with passwords masked. Null if the setting has no value. */
  readonly value: string | number | boolean | readonly string[] | null
  readonly source: Source
  /** The flag, the variable, or the file and line; `default`. */
  readonly place: string
}

/** The Config, and the source of each of its values. */
export interface LoadedConfig {
  readonly config: Config
  readonly inForce: readonly InForce[]
}

/** Invalid settings. The message has one line per fault, each with its place. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  /** Of sysexits.h: 64 (usage) if only flags are invalid, otherwise 78 (config). */
  readonly exitCode: 64 | 78

  constructor(faults: readonly string[], exitCode: 64 | 78) {
    super(faults.join('\n'))
    this.exitCode = exitCode
  }
}

/** Environment variables of the command that are not settings of the sidecar. */
const OTHER_VARIABLES: readonly string[] = ['config', 'url', 'token-file'].map(variableOf)

/** Reads every setting. Throws a {@link ConfigError} that names every fault and its place. */
export function loadConfig({ flags, env, configFile }: Given): LoadedConfig {
  const file = readFile(configFile ?? (env[variableOf('config')] || undefined))
  const faults: Fault[] = [...unknownVariables(env), ...file.faults]
  const values: Partial<Record<keyof Config, unknown>> = {}
  const inForce: InForce[] = []
  for (const setting of settings) {
    const stated = state(setting, flags, env, file)
    const { name, kind, field } = setting
    const parsed = stated.value === undefined ? undefined : kind.schema.safeParse(stated.value)
    if (parsed?.success === false) faults.push(badValue(stated, parsed.error.issues[0]?.message ?? 'is not valid'))
    values[field] = parsed?.data
    inForce.push({
      name,
      value: shown(setting, stated.value, parsed?.data),
      source: stated.source,
      place: stated.place,
    })
  }
  const { alerts, faults: alertFaults, shown: shownSection } = readAlerts(file)
  values.alerts = alerts
  faults.push(...alertFaults)
  inForce.push(...shownSection)
  const config = Object.freeze(values) as Config
  if (faults.length === 0) faults.push(...brokenRules(config))
  if (faults.length === 0) return { config, inForce }
  throw new ConfigError(
    faults.map(fault => fault.message),
    faults.every(fault => fault.source === 'flag') ? 64 : 78,
  )
}

interface Fault {
  readonly source: Source
  readonly message: string
}

interface ReadFile {
  readonly path: string
  readonly entries: ReadonlyMap<string, FileEntry>
  readonly faults: readonly Fault[]
}

function readFile(path: string | undefined): ReadFile {
  const read = path === undefined ? [] : readConfigFile(path)
  if ('fault' in read)
    return { path: path ?? '', entries: new Map(), faults: [{ source: 'file', message: read.fault }] }
  const names = [...settings.map(setting => setting.name), ALERTS]
  const unknown = read.filter(({ key }) => !names.includes(key))
  return {
    path: path ?? '',
    entries: new Map(read.map(entry => [entry.key, entry])),
    faults: unknown.map(({ key, line }) => ({
      source: 'file',
      message: `${path} line ${line}: unknown key "${key.slice(0, 100)}"${didYouMean(nearest(key, names))}`,
    })),
  }
}

/** The section that only the config file has. */
const ALERTS = 'alerts'

function readAlerts({ path, entries }: ReadFile): {
  readonly alerts: AlertsConfig
  readonly faults: readonly Fault[]
  readonly shown: readonly InForce[]
} {
  const entry = entries.get(ALERTS)
  const place = (below: readonly (string | number)[]): string => `${path} line ${entry?.lineAt(below)}: `
  const parsed = entry === undefined ? { alerts: DEFAULT_ALERTS } : parseAlerts(entry.value)
  if ('faults' in parsed) {
    const faults = parsed.faults.map(({ path: below, message }) => ({
      source: 'file' as const,
      message: `${place(below)}${printPath([ALERTS, ...below])} ${message}`,
    }))
    return { alerts: DEFAULT_ALERTS, faults, shown: [] }
  }
  const source = entry === undefined ? 'default' : 'file'
  const shown = shownAlerts(parsed.alerts).map(([key, value]) => {
    const name = `${ALERTS}.${key}`
    return { name, value, source, place: entry === undefined ? 'default' : `${place([])}${name}` } as const
  })
  return { alerts: parsed.alerts, faults: [], shown }
}

/** `alerts.sinks[0].url` */
function printPath(path: readonly (string | number)[]): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${part.slice(0, 100)}`))
    .join('')
}

/** Kubernetes sets such variables in every container of a namespace for a service named agent-performance, or agent-performance-*. */
const SERVICE_LINK = /_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$/

function unknownVariables(env: Environment): Fault[] {
  const known = [...settings.map(setting => variableOf(setting.name)), ...OTHER_VARIABLES]
  return Object.keys(env)
    .filter(name => name.startsWith(PREFIX) && !known.includes(name) && !SERVICE_LINK.test(name))
    .map(name => ({
      source: 'environment',
      message: `unknown environment variable ${name}${didYouMean(nearestVariable(name, known))}`,
    }))
}

/** Compares without the common prefix, which would make all variables similar. */
function nearestVariable(name: string, known: readonly string[]): string | undefined {
  const own = (variable: string): string => variable.slice(PREFIX.length)
  const found = nearest(own(name), known.map(own))
  return found === undefined ? undefined : PREFIX + found
}

const didYouMean = (name: string | undefined): string => (name === undefined ? '' : `; did you mean ${name}?`)

interface Stated {
  readonly value: unknown
  readonly source: Source
  readonly place: string
}

/** The value of a setting from the source of the highest precedence. An empty environment variable counts as unset. */
function state(setting: AnySetting, flags: Given['flags'], env: Environment, { path, entries }: ReadFile): Stated {
  const { name, kind } = setting
  const variable = variableOf(name)
  const flag = flags[name]
  if (flag !== undefined) return { value: flag, source: 'flag', place: `--${name}` }
  const text = env[variable]
  if (text !== undefined && text !== '') {
    const value = kind.given === 'many' ? text.split(',').map(one => one.trim()) : text
    return { value, source: 'environment', place: variable }
  }
  const entry = entries.get(name)
  if (entry !== undefined) return { value: entry.value, source: 'file', place: `${path} line ${entry.line}: ${name}` }
  const preset = setting.default
  const value = typeof preset === 'object' && 'in' in preset ? preset.in(env) : preset
  return { value, source: 'default', place: 'default' }
}

function badValue({ value, source, place }: Stated, message: string): Fault {
  // Masks before quoting: the backslashes of quoting could end a password early, and its rest would be printed.
  const shown =
    typeof value === 'string' ? JSON.stringify(maskSecrets(value)) : maskSecrets(JSON.stringify(value) ?? 'that')
  return { source, message: `${place} ${message}, not ${shown.slice(0, 200)}` }
}

function shown({ kind }: AnySetting, stated: unknown, parsed: unknown): InForce['value'] {
  if (kind.given === 'switch') return parsed === true
  if (typeof stated === 'string') return maskSecrets(stated)
  return (stated as number | readonly string[] | undefined) ?? null
}

/** Masks the passwords of all URLs in a text. If the whole text is a URL, its password may contain spaces and quotes. */
export function maskSecrets(text: string): string {
  return text
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^:@/?#\s]*):.*@/is, '$1:***@')
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^:@/?#\s]*):[^\s"]*@/gi, '$1:***@')
    .replace(/([?&](?:ssl)?password=)[^&#\s"]*/gi, '$1***')
}

function brokenRules(config: Config): Fault[] {
  const { listen, authTokenFile, insecureNoAuth, tlsCert, tlsKey } = config
  const faults: string[] = []
  for (const [name, host] of [
    ['listen', listen.host],
    ['otlp-grpc-listen', grpcAddress(config)?.host],
  ]) {
    if (host === undefined || isLoopback(host) || authTokenFile !== undefined || insecureNoAuth) continue
    faults.push(
      `${name}: ${host} can be reached from other machines, and there is no auth-token-file: anyone who can reach it could read and record. Set --auth-token-file FILE, listen on 127.0.0.1, or accept that with --insecure-no-auth`,
    )
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    const [given, missing] = tlsKey === undefined ? ['tls-cert', 'tls-key'] : ['tls-key', 'tls-cert']
    faults.push(`${given} is given without ${missing}: HTTPS needs both`)
  }
  return faults.map(message => ({ source: 'default', message }))
}
