/** The sinks of the section `alerts`: who is notified. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { path } from './kind.ts'

export const SINK_TYPES = ['alertmanager', 'webhook', 'slack', 'log'] as const

export interface LogSink {
  readonly type: 'log'
  readonly name: string
}

/** A sink that is notified by HTTP. */
export interface HttpSink {
  readonly type: 'alertmanager' | 'webhook' | 'slack'
  /** Unique among the sinks. It is recorded in the store: a sink with another name receives everything again. */
  readonly name: string
  /** Undefined if {@link urlFile} holds it. */
  readonly url: string | undefined
  readonly urlFile: string | undefined
  /** Holds a bearer token. */
  readonly tokenFile: string | undefined
  /** Holds the secret of the signature of a webhook. */
  readonly secretFile: string | undefined
  /** Private networks in which the address may be, as `address/prefix`. */
  readonly networks: readonly string[]
}

export type SinkConfig = LogSink | HttpSink

const NAME = 'must be 1 to 64 letters, digits and . _ -'
const sinkName = z.string(NAME).regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, NAME)

/** What is wrong with a URL of a sink. Undefined if it can be used. */
export function urlFault(text: string): string | undefined {
  const url = URL.parse(text)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return 'must be an http or https URL'
  if (url.username !== '' || url.password !== '') return 'must not hold a user or password: use token_file'
  return undefined
}

const url = z.string('must be an http or https URL').superRefine((text, context) => {
  const fault = urlFault(text)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})

const NETWORK = 'must be a network such as 10.0.0.0/8 or fd00::/8'
const network = z.string(NETWORK).refine(text => {
  const [address = '', prefix = '', ...more] = text.split('/')
  const version = isIP(address)
  return version !== 0 && more.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128)
}, NETWORK)

const places = { url: url.optional(), url_file: path.schema.optional() }
const common = { name: sinkName.optional(), networks: z.array(network, 'must be a list').default([]) }
const token = { token_file: path.schema.optional() }

const sink = z
  .discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('alertmanager'), url, ...common, ...token }),
      z.strictObject({
        type: z.literal('webhook'),
        ...places,
        ...common,
        ...token,
        secret_file: path.schema.optional(),
      }),
      z.strictObject({ type: z.literal('slack'), ...places, ...common }),
      z.strictObject({ type: z.literal('log'), name: sinkName.optional() }),
    ],
    {
      error: issue =>
        issue.code === 'invalid_union' ? `must be one of ${SINK_TYPES.join(', ')}` : 'must be a map with a type',
    },
  )
  .superRefine((stated, context) => {
    if (stated.type === 'log') return
    const given = ['url', 'url_file'].filter(key => (stated as Record<string, unknown>)[key] !== undefined)
    if (given.length !== 1) context.addIssue({ code: 'custom', message: 'must have either url or url_file' })
  })
  .transform((stated): SinkConfig => {
    const { type, name = type } = stated
    if (type === 'log') return { type, name }
    const { url, url_file, token_file, secret_file, networks } = stated as typeof stated & {
      readonly url_file?: string
      readonly token_file?: string
      readonly secret_file?: string
    }
    return { type, name, url, urlFile: url_file, tokenFile: token_file, secretFile: secret_file, networks }
  })

/** The sinks without a list of them. */
export const LOG_ONLY: readonly SinkConfig[] = [{ type: 'log', name: 'log' }]

/** Enough for every team. Each sink is one request at a time. */
const MAX_SINKS = 20

/** The list of sinks. Each has a name of its own. */
export const sinks: z.ZodType<readonly SinkConfig[], unknown> = z
  .array(sink, 'must be a list')
  .max(MAX_SINKS, `must have at most ${MAX_SINKS} sinks`)
  .superRefine((all, context) => {
    for (const [i, { name }] of all.entries()) {
      if (all.findIndex(other => other.name === name) < i)
        context.addIssue({
          code: 'custom',
          path: [i],
          message: `has the name "${name}" of an earlier sink: give each a name`,
        })
    }
  }) as unknown as z.ZodType<readonly SinkConfig[], unknown>

/** A URL without what may be secret. The path of a webhook often is. */
export function shownUrl(text: string, type: HttpSink['type']): string {
  const url = URL.parse(text)
  if (url === null) return '***'
  if (type === 'alertmanager' && url.search === '') return url.href
  return url.pathname === '/' && url.search === '' ? url.href : `${url.origin}/***`
}
