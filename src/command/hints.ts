/** What a hint says about the source of an answer, so that its commands work as they are printed. */
import { maskSecrets, variableOf } from '../config/config.ts'
import type { Io } from './io.ts'
import { DEFAULT_URL } from './source.ts'
import { printable } from './table.ts'
import type { WhereOptions } from './where.ts'

export interface Hints {
  /** The options that name the source, with a space before them. Empty for the sidecar that is asked without options. */
  readonly options: string
  /** The URL of the sidecar. Undefined for a store. */
  readonly url: string | undefined
}

/** The hints for the source that the options and the environment name. */
export function hintsOf({ url, store }: WhereOptions, env: Io['env']): Hints {
  if (store !== undefined) return { options: ` --store ${quoted(maskSecrets(store))}`, url: undefined }
  const used = url ?? (env[variableOf('url')] || DEFAULT_URL)
  return {
    options: url === undefined ? '' : ` --url ${quoted(withoutQuery(url))}`,
    url: withScheme(withoutQuery(used)),
  }
}

/** A query may hold a token. */
const withoutQuery = (url: string): string => printable(url.replace(/[?#].*$/s, ''))

const withScheme = (url: string): string => (/^https?:/i.test(url) ? url : `http://${url}`).replace(/\/$/, '')

/** A word of a shell. */
function quoted(text: string): string {
  const shown = printable(text)
  return /^[\w.:/@%+=,-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", `'\\''`)}'`
}
