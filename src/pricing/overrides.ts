/** Reads the file of the user's own prices: JSON or YAML, in US dollars per million tokens by model name. */
import { isMap, isNode, isScalar, type ParsedNode } from 'yaml'
import { z } from 'zod'
import { ConfigError } from '../config/config.ts'
import { type ModelAliases, modelNameOf } from '../core/attempt/model-aliases.ts'
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

/**
 * Prices by the model name that attempts are recorded under. The file may state a spelling of a model instead; the price of the name takes
 * precedence. Throws a {@link ConfigError} that names the file, and the line and key of each fault.
 */
export function readOverrides(path: string, aliases: ModelAliases): ReadonlyMap<string, TokenPrices> {
  const file = parseYaml(path, textOf(path))
  if ('fault' in file) throw refusal(file.fault)
  const { document } = file
  const lineOf = (offset: number): string => `${path} line ${file.lineOf(offset)}`
  if (document.contents === null) return new Map()
  if (!isMap(document.contents)) throw refusal(`${path} must be a map of prices by model name`)
  const stated: StatedPrices[] = []
  const faults: string[] = []
  for (const { key, value } of document.contents.items) {
    const model = String(isScalar(key) ? key.value : key)
    const line = lineOf((isNode(key) && key.range?.[0]) || 0)
    const checked = tokenPrices.safeParse(isNode(value) ? file.valueOf(value as ParsedNode) : value)
    if (checked.success) stated.push({ model, line, prices: checked.data })
    else faults.push(`${line}: ${faultOf(model, checked.error)}`)
  }
  const { prices, conflicts } = byName(stated, aliases)
  if (faults.length + conflicts.length > 0) throw refusal(...faults, ...conflicts)
  return prices
}

interface StatedPrices {
  readonly model: string
  /** The file and the line. */
  readonly line: string
  readonly prices: TokenPrices
}

/** Prices by the names of the models, and the spellings whose prices contradict each other. */
function byName(
  stated: readonly StatedPrices[],
  aliases: ModelAliases,
): { readonly prices: Map<string, TokenPrices>; readonly conflicts: readonly string[] } {
  const isName = ({ model }: StatedPrices): boolean => modelNameOf(aliases, model) === model
  const prices = new Map(stated.filter(isName).map(one => [one.model, one.prices]))
  const spelled = new Map<string, StatedPrices>()
  const conflicts: string[] = []
  for (const one of stated) {
    const name = modelNameOf(aliases, one.model)
    if (prices.has(name)) continue
    const other = spelled.get(name) ?? one
    spelled.set(name, other)
    if (KEYS.every(key => one.prices[key] === other.prices[key])) continue
    conflicts.push(
      `${one.line}: ${one.model}: has other prices than ${other.model}, and both are spellings of ${name}: state the prices of ${name}`,
    )
  }
  for (const [name, one] of spelled) prices.set(name, one.prices)
  return { prices, conflicts }
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
