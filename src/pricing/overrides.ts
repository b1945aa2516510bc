/** Reads the file of the user's own prices: JSON or YAML, in US dollars per million tokens by model name. */
import { isMap, isNode, isScalar, type ParsedNode } from 'yaml'
import { z } from 'zod'
import { ConfigError } from '../config/config.ts'
import { parseYaml, readTextFile } from '../lib/text-file.ts'

const KEYS = ['input', 'output', 'cache_read', 'cache_write'] as const satisfies readonly (keyof TokenPrices)[]

const perMillion = z
  .number('must be a number of US dollars per million tokens')
  .min(0, 'must be 0 or more')
  .max(1e6, 'must be at most 1000000')

/** US dollars per million tokens. A cached kind without a price costs as much as `input`; the price of another kind is unknown. */
export interface TokenPrices {
  readonly input?: number | undefined
  readonly output?: number | undefined
  readonly cache_read?: number | undefined
  readonly cache_write?: number | undefined
}

const tokenPrices: z.ZodType<TokenPrices> = z.strictObject(
  { input: perMillion, output: perMillion, cache_read: perMillion.optional(), cache_write: perMillion.optional() },
  'must be a map of prices such as {input: 3, output: 15, cache_read: 0.3, cache_write: 3.75}',
)

/** Prices by the model name that attempts state. Throws a {@link ConfigError} that names the file, and the line and key of each fault. */
export function readOverrides(path: string): ReadonlyMap<string, TokenPrices> {
  const file = parseYaml(path, textOf(path))
  if ('fault' in file) throw refusal(file.fault)
  const { document } = file
  const lineOf = (offset: number): string => `${path} line ${file.lineOf(offset)}`
  if (document.contents === null) return new Map()
  if (!isMap(document.contents)) throw refusal(`${path} must be a map of prices by model name`)
  const prices = new Map<string, TokenPrices>()
  const faults: string[] = []
  for (const { key, value } of document.contents.items) {
    const model = String(isScalar(key) ? key.value : key)
    const checked = tokenPrices.safeParse(isNode(value) ? file.valueOf(value as ParsedNode) : value)
    if (checked.success) prices.set(model, checked.data)
    else faults.push(`${lineOf((isNode(key) && key.range?.[0]) || 0)}: ${faultOf(model, checked.error)}`)
  }
  if (faults.length > 0) throw refusal(...faults)
  return prices
}

function textOf(path: string): string {
  try {
    return readTextFile(path)
  } catch (error) {
    throw refusal(`cannot read the price file ${path}: ${(error as Error).message}`)
  }
}

function faultOf(model: string, { issues }: z.ZodError): string {
  const words = issues.map(issue => {
    if (issue.code === 'unrecognized_keys') return `${issue.keys.join(', ')} is none of ${KEYS.join(', ')}`
    return [issue.path.join('.'), issue.message].join(' ').trim()
  })
  return `${model}: ${words.join('; ')}`
}

const refusal = (...faults: readonly string[]): ConfigError => new ConfigError(faults, 78)
