/** Finds what a model charges by any of the names that the field has for it. */
import { calcPrice, findProvider, type ModelPrice, type Provider } from '@pydantic/genai-prices'
import type { TokenPrices } from './overrides.ts'

/** What a model charges at a time: milliseconds since the epoch, now where undefined. Undefined where it charges nothing that is known. */
export type Charges = (atMs: number | undefined) => TokenPrices | undefined

/**
 * What the model that attempts call `name` charges; undefined where nothing is known of it. A name is looked up as it is, at the provider
 * that it states (`openai/gpt-4o`, `anthropic:claude-sonnet-4`), or at Bedrock (`us.anthropic.claude-sonnet-4-5-20250929-v1:0`).
 */
export function findCharges(name: string): Charges | undefined {
  const { id, providerId } = lookupOf(name)
  const found = calcPrice({}, id, providerId === undefined ? {} : { providerId })
  if (found === null || isLocalTag(id, found.provider.id, found.model.id)) return undefined
  if (!Array.isArray(found.model.prices)) {
    const always = tokenPrices(found.model.prices)
    return () => always
  }
  // Prices by date and time of day: the library chooses among them, and needs not search for the model again.
  const provider: Provider = { ...found.provider, models: [{ ...found.model, match: { equals: id } }] }
  return atMs => {
    const at = calcPrice({}, id, { provider, ...(atMs !== undefined && { timestamp: new Date(atMs) }) })
    return at === null ? undefined : tokenPrices(at.model_price)
  }
}

interface Lookup {
  readonly id: string
  readonly providerId?: string
}

/** `anthropic.claude-…`, `us.anthropic.claude-…`: no other names have a dot between letters. */
const BEDROCK = /^(?:[a-z-]+\.)?(?:[a-z]+|ai21)\.[a-z]/i

function lookupOf(name: string): Lookup {
  const [, prefix, rest] = /^([^/]+)\/(.+)$/.exec(name) ?? /^([a-z-]+):(.+)$/i.exec(name) ?? []
  if (prefix === undefined || rest === undefined) {
    return BEDROCK.test(name) ? { id: name, providerId: 'aws' } : { id: name }
  }
  if (prefix === 'models') return { id: rest }
  if (prefix === 'litellm') return lookupOf(rest)
  const provider = findProvider({ providerId: prefix }) ?? findProvider({ providerId: prefix.replace(/_ai$/, '') })
  if (provider === undefined) return { id: name }
  // Bedrock's own paths (region, ARN) stand before the model.
  return { id: provider.id === 'aws' ? rest.slice(rest.lastIndexOf('/') + 1) : rest, providerId: provider.id }
}

/** `deepseek-r1:8b` runs at home, whatever `deepseek-r1` costs elsewhere. */
function isLocalTag(id: string, provider: string, model: string): boolean {
  return id.includes(':') && provider !== 'aws' && model.toLowerCase() !== id.toLowerCase()
}

/**
 * Where a price rises with the size of a request, it is that of a small one: an attempt's tokens are of many requests, whose sizes are not
 * known.
 */
function tokenPrices(prices: ModelPrice): TokenPrices {
  const base = (unit: string): number | undefined => {
    const price = prices[unit]
    return typeof price === 'object' ? price.base : price
  }
  return {
    input: base('input_mtok'),
    output: base('output_mtok'),
    cache_read: base('cache_read_mtok'),
    cache_write: base('cache_write_mtok'),
  }
}
