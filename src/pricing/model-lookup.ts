/** Finds the token prices of a model by any of its usual names. */
import { calcPrice, findProvider, type ModelPrice, type Provider } from '@pydantic/genai-prices'
import type { TokenPrices } from './overrides.ts'

/** The prices of a model at a time in milliseconds since the epoch (default: now). Undefined if they are unknown. */
export type Charges = (atMs: number | undefined) => TokenPrices | undefined

/**
 * The prices of the model that attempts call `name`. Undefined if the model is unknown. A name is looked up as it is, at the provider that it
 * names (`openai/gpt-4o`, `anthropic:claude-sonnet-4`), or at Bedrock (`us.anthropic.claude-sonnet-4-5-20250929-v1:0`).
 */
export function findCharges(name: string): Charges | undefined {
  const { id, providerId } = lookupOf(name)
  const found = calcPrice({}, id, providerId === undefined ? {} : { providerId })
  if (found === null || isLocalTag(id, found.provider.id, found.model.id)) return undefined
  if (!Array.isArray(found.model.prices)) {
    const always = tokenPrices(found.model.prices)
    return () => always
  }
  // The prices depend on date and time of day. With this provider the library selects among them without searching for the model again.
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

/** `anthropic.claude-…`, `us.anthropic.claude-…`: only Bedrock names have a dot between letters. */
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
  // In Bedrock names, a region or an ARN precedes the model.
  return { id: provider.id === 'aws' ? rest.slice(rest.lastIndexOf('/') + 1) : rest, providerId: provider.id }
}

/** Whether a name has the tag of a local model: `deepseek-r1:8b` runs locally, so that the price of `deepseek-r1` does not apply. */
function isLocalTag(id: string, provider: string, model: string): boolean {
  return id.includes(':') && provider !== 'aws' && model.toLowerCase() !== id.toLowerCase()
}

/** If a price depends on the size of a request, uses that of small requests: an attempt consists of many requests of unknown sizes. */
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
