/** Kinds of settings: the syntax of their values and how they are parsed. Longer than 250 lines because it is a list of small parsers. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { z } from 'zod'
import { OUTCOME_BYTES } from '../core/attempt/outcome.ts'
import { parseDuration } from '../core/attempt/timestamp.ts'
import { nameProblem } from '../core/attempt/validation.ts'

/** The syntax of a kind of setting, which is the same on the command line, in the environment and in a file. */
export interface Kind<T> {
  /** The placeholder in the help: `host:port`, `bytes`. */
  readonly form: string
  /** Parses a stated value. Its messages continue the name of the setting: `must be ...`. */
  readonly schema: z.ZodType<T>
  /** Whether a flag is given once, many times, or without a value as a switch. */
  readonly given: 'once' | 'many' | 'switch'
}

function text<T>(form: string, rule: string, parse: (stated: string) => T | undefined): Kind<T> {
  const schema = z.string(`must be ${rule}`).transform((stated, context) => {
    const value = parse(stated)
    if (value !== undefined) return value
    context.issues.push({ code: 'custom', input: stated, message: `must be ${rule}` })
    return z.NEVER
  })
  return { form, schema: schema as unknown as z.ZodType<T>, given: 'once' }
}

/** Also accepts numbers, which a file may contain. */
function numeric(kind: Kind<number>): Kind<number> {
  const digits = (stated: unknown): unknown => (typeof stated === 'number' ? String(stated) : stated)
  return { ...kind, schema: z.preprocess(digits, kind.schema) as unknown as z.ZodType<number> }
}

/** A whole number, 1 or more. */
export const count: Kind<number> = numeric(
  text('count', 'a whole number, 1 or more', stated => {
    const value = /^\d{1,16}$/.test(stated) ? Number(stated) : 0
    return value >= 1 && Number.isSafeInteger(value) ? value : undefined
  }),
)

/** A whole number from 1 to `max`, beyond which memory would not suffice. */
export const countUpTo = (max: number): Kind<number> => ({
  ...count,
  schema: count.schema.refine(value => value <= max, `must be at most ${max}`),
})

const BYTE_UNITS = new Map([
  ['', 1],
  ['B', 1],
  ['kB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
])

/** Bytes, 1 or more: `5MiB`, `1GB`, `1048576`. */
export const bytes: Kind<number> = bytesFrom(1, 'bytes such as 5MiB, 1GiB or 1048576')

/** {@link bytes}, or 0 for none. */
export const bytesOrNone: Kind<number> = bytesFrom(0, '0, or bytes such as 5MiB, 1GiB or 1048576')

function bytesFrom(least: number, rule: string): Kind<number> {
  return numeric(
    text('bytes', rule, stated => {
      const found = /^(\d{1,16}(?:\.\d{1,6})?)([A-Za-z]*)$/.exec(stated)
      const value = Math.round(Number(found?.[1]) * (BYTE_UNITS.get(found?.[2] ?? '') ?? Number.NaN))
      return value >= least && Number.isSafeInteger(value) ? value : undefined
    }),
  )
}

/** A duration above zero, in milliseconds. */
export const duration: Kind<number> = text('duration', 'a duration such as 30s, 24h or 90d', stated => {
  const ms = parseDuration(stated)
  return ms !== undefined && ms > 0 ? ms : undefined
})

/** The longest delay of a timer in milliseconds. Node treats a longer delay as 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The duration of a timer in milliseconds, at most 24 days. */
export const wait: Kind<number> = text('duration', 'a duration of at most 24d such as 500ms, 10s or 5m', stated => {
  const ms = parseDuration(stated)
  return ms !== undefined && ms <= MAX_TIMER_MS ? ms : undefined
})

/** A {@link wait} above zero. */
export const timeout: Kind<number> = { ...wait, schema: wait.schema.refine(ms => ms > 0, 'must be longer than 0s') }

/** A switch: without a value it is on. */
export const toggle: Kind<boolean> = {
  form: 'true|false',
  schema: z.preprocess(
    stated => ({ true: true, '1': true, false: false, '0': false })[String(stated)],
    z.boolean('must be true or false'),
  ) as unknown as z.ZodType<boolean>,
  given: 'switch',
}

/**
 * Node decodes bytes of arguments and variables that are not UTF-8 to U+FFFD: such a path would silently name another file.
 */
function decoded<T>(kind: Kind<T>): Kind<T> {
  const isDecoded = (stated: unknown): boolean =>
    typeof stated !== 'string' || (stated.isWellFormed() && !stated.includes('\uFFFD'))
  const message = 'must be UTF-8: rename the file'
  return { ...kind, schema: z.unknown().refine(isDecoded, message).pipe(kind.schema) as unknown as z.ZodType<T> }
}

/** A path, relative to the working directory. */
export const path: Kind<string> = decoded(text('path', 'a path', stated => stated || undefined))

/** A path of a URL, parsed without a slash at its end: empty for the root. */
export const basePath: Kind<string> = text(
  'path',
  'a path such as /agents/perf, of letters, digits and . _ ~ -',
  stated =>
    /^\/(?:[A-Za-z0-9._~-]+\/?)*$/.test(stated) && !/(?:^|\/)\.{1,2}(?:\/|$)/.test(stated)
      ? stated.replace(/\/$/, '')
      : undefined,
)

/** A URL in which `{trace_id}` stands for the id of a trace. */
export const traceUrl: Kind<string> = text(
  'URL',
  'an http or https URL with {trace_id}, such as https://tempo.example/trace/{trace_id}',
  stated => {
    const example = URL.parse(stated.replaceAll('{trace_id}', '0'))
    const isHttp = example?.protocol === 'https:' || example?.protocol === 'http:'
    return isHttp && stated.includes('{trace_id}') ? stated : undefined
  },
)

/** An address to listen on. Port 0 selects a free port. */
export interface ListenAddress {
  /** A name or an address. An IPv6 address has no brackets. */
  readonly host: string
  readonly port: number
}

export const listenAddress: Kind<ListenAddress> = text(
  'host:port',
  'host:port such as 127.0.0.1:9464 or [::1]:9464',
  stated => {
    const found = /^(?:\[([^\]]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(stated)
    if (found === null || Number(found[3]) > 65_535) return undefined
    const [, v6, name] = found
    if (v6 === undefined ? /^[\d.]+$/.test(name!) && !isIPv4(name!) : !isIPv6(v6)) return undefined
    return Object.freeze({ host: v6 ?? name!, port: Number(found[3]) })
  },
)

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** Whether only this machine can reach `host`. Names other than `localhost` are assumed to be reachable. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host) || isIPv6(host)) return loopback.check(host, isIPv4(host) ? 'ipv4' : 'ipv6')
  return host.toLowerCase() === 'localhost'
}

/** The path of the documented file, or the URL of another store. */
export const storeName: Kind<string> = decoded(
  text(
    'path|url',
    'a path, or a URL that begins with sqlite:, postgres://, postgresql://, redis:// or rediss://',
    stated => {
      const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(stated)?.[1]?.toLowerCase()
      if (scheme !== undefined && !STORE_SCHEMES.has(scheme)) return undefined
      return stated === '' || stated === 'sqlite:' ? undefined : stated
    },
  ),
)
const STORE_SCHEMES: ReadonlySet<string> = new Set(['postgres', 'postgresql', 'redis', 'rediss', 'sqlite'])

/** Host names without a port. An IPv6 address has no brackets; `*` allows any. */
export const hostNames: Kind<readonly string[]> = many(
  text('host', 'a host name without scheme or port such as metrics.example.com', stated => {
    const name = stated.replace(/^\[(.*)\]$/, '$1').toLowerCase()
    return name === '*' || isIPv6(name) || /^[a-z0-9._-]+$/.test(name) ? name : undefined
  }),
)

/** Origins, as browsers send them; `*` allows any. */
export const origins: Kind<readonly string[]> = many(
  text('origin', 'an origin such as https://dashboards.example.com', stated => {
    const origin = stated.toLowerCase()
    if (origin === '*') return origin
    return /^https?:/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin ? origin : undefined
  }),
)

function many<T>(kind: Kind<T>): Kind<readonly T[]> {
  const schema = z.array(kind.schema, 'must be a list').transform(values => Object.freeze(values))
  return { form: kind.form, schema: schema as unknown as z.ZodType<readonly T[]>, given: 'many' }
}

/** Sources of outcomes, the first one first: a list, or text with commas. */
export const sources: Kind<readonly string[]> = {
  form: 'source,...',
  schema: z
    .union([z.string(), z.array(z.string())], 'must be a list of sources such as production,ci,review')
    .transform((stated, context) => {
      const names = (Array.isArray(stated) ? stated : stated.split(',')).map(name => name.trim())
      const isValid = names.every(name => nameProblem(name, OUTCOME_BYTES.source) === undefined)
      if (isValid && new Set(names).size === names.length) return Object.freeze(names)
      const message = 'must be different sources, separated by commas, such as production,ci,review'
      context.issues.push({ code: 'custom', input: stated, message })
      return z.NEVER
    }) as unknown as z.ZodType<readonly string[]>,
  given: 'once',
}

/** One of several words. */
export function word<const T extends string>(words: readonly T[]): Kind<T> {
  return text('word', `one of ${words.join(', ')}`, stated => words.find(one => one === stated))
}

/** The time span of the summaries of a tier, and how long they are kept. */
export interface Tier {
  readonly spanMs: number
  /** Infinity if they are kept forever. */
  readonly keepMs: number
}

/** Tiers `span:keep` from fine to coarse. A coarser tier is kept at least as long as a finer one. */
export const tiers: Kind<readonly Tier[]> = text(
  'span:keep,...',
  'tiers from fine to coarse such as 1m:26h,1h:90d,1d:forever, each kept as long as the one before or longer',
  stated => {
    const parsed = stated.split(',').map(readTier)
    const isValid = parsed.every((tier, i) => {
      const finer = parsed[i - 1]
      return tier.keepMs >= tier.spanMs && (finer === undefined || isCoarser(tier, finer))
    })
    return isValid ? Object.freeze(parsed) : undefined
  },
)

function readTier(stated: string): Tier {
  const [span = '', keep = '', ...more] = stated.trim().split(':')
  const keepMs = keep === 'forever' ? Number.POSITIVE_INFINITY : (parseDuration(keep) ?? Number.NaN)
  const spanMs = more.length === 0 ? (parseDuration(span) ?? Number.NaN) : Number.NaN
  return Object.freeze({ spanMs: spanMs >= 1000 ? spanMs : Number.NaN, keepMs })
}

const isCoarser = (tier: Tier, finer: Tier): boolean => tier.spanMs > finer.spanMs && tier.keepMs >= finer.keepMs
