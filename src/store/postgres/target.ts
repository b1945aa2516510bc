/** A `postgres://` URL: what is for the driver, and what is for the store. */
import { readFileSync } from 'node:fs'

export interface Target {
  /** For the driver. It may hold a password: never print it. */
  readonly url: string
  /** Quoted, for statements: a reserved word is a name too. */
  readonly schema: string
  /** Whether attempts are stored as rows too. */
  readonly rows: boolean
  /** The URL without password, for messages. */
  readonly name: string
}

/** Parses the URL. Throws an Error that names the parameter and the remedy. */
export function parseTarget(text: string): Target {
  const url = new URL(text)
  const schema = take(url, 'schema') ?? 'agent_performance'
  if (!/^[a-z_][a-z0-9_]{0,50}$/.test(schema))
    throw new Error(`schema=${schema}: use lower-case letters, digits and _, at most 51`)
  const rows = take(url, 'rows') ?? 'on'
  if (rows !== 'on' && rows !== 'off') throw new Error(`rows=${rows}: use on or off`)
  const passwordFile = take(url, 'password_file')
  if (passwordFile !== undefined) url.password = encodeURIComponent(readFileSync(passwordFile, 'utf8').trimEnd())
  const shown = new URL(url)
  if (shown.password !== '') shown.password = '***'
  // The driver takes them as parameters too.
  for (const secret of ['password', 'sslpassword'])
    if (shown.searchParams.has(secret)) shown.searchParams.set(secret, '***')
  return { url: url.href, schema: `"${schema}"`, rows: rows === 'on', name: shown.href }
}

function take(url: URL, name: string): string | undefined {
  const value = url.searchParams.get(name) ?? undefined
  url.searchParams.delete(name)
  return value
}
