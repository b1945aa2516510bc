/** Computes the cost of an attempt that reports none, from its tokens and the prices of its model. */
import type { NewAttempt } from '../core/attempt/attempt.ts'
import { ATTEMPT_FIELDS } from '../core/attempt/fields.ts'
import { type ModelAliases, NO_ALIASES } from '../core/attempt/model-aliases.ts'
import { parseTimestamp } from '../core/attempt/timestamp.ts'
import { type Charges, findCharges } from './model-lookup.ts'
import { readOverrides, type TokenPrices } from './overrides.ts'

/** The cost of an attempt's tokens in US dollars. Undefined if it states none, or if its model has no price. Never throws. */
export type Price = (attempt: NewAttempt) => number | undefined

export interface PriceOptions {
  /** A file of prices by model name, which take precedence over the built-in ones. */
  readonly overrides?: string | undefined
  /** The names that attempts are recorded under. The file may state spellings. */
  readonly aliases?: ModelAliases | undefined
}

/** Maximum number of cached model names, including those without a price. */
const MAX_CACHED = 10_000

/**
 * Prices at the time of an attempt, from the file `overrides`, otherwise from `@pydantic/genai-prices`. A model is looked up once. Throws a
 * `ConfigError` if the file is invalid.
 */
export function createPrice({ overrides, aliases = NO_ALIASES }: PriceOptions = {}): Price {
  const stated = overrides === undefined ? new Map<string, TokenPrices>() : readOverrides(overrides, aliases)
  const cached = new Map<string, Charges | undefined>()

  function chargesOf(name: string): Charges | undefined {
    if (cached.has(name)) return cached.get(name)
    const own = stated.get(name)
    const charges = own === undefined ? findCharges(name) : () => own
    // Names come from clients, so that the cache must be bounded: the oldest entry is evicted.
    if (cached.size >= MAX_CACHED) cached.delete(cached.keys().next().value!)
    cached.set(name, charges)
    return charges
  }

  return attempt => {
    try {
      if (!statesTokens(attempt)) return undefined
      const at = attempt.timestamp === undefined ? undefined : parseTimestamp(attempt.timestamp)
      const prices = chargesOf(attempt.model_name)?.(at?.ms)
      return prices && priceOf(attempt, prices)
    } catch {
      return undefined
    }
  }
}

function statesTokens(attempt: NewAttempt): boolean {
  const { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens } = attempt
  return [input_tokens, output_tokens, cache_read_tokens, cache_write_tokens].some(tokens => tokens !== undefined)
}

/**
 * Each kind of token at its own price. Cached tokens are not included in `input_tokens`; the library assumes that they are, so that its own
 * sum cannot be used. Cached tokens without a price cost as much as other input.
 */
function priceOf(attempt: NewAttempt, { input, output, cache_read, cache_write }: TokenPrices): number | undefined {
  const charge = (tokens: number | undefined, price: number | undefined): number => {
    if (tokens === undefined || tokens === 0) return 0
    return price === undefined || typeof tokens !== 'number' || !(tokens > 0) ? Number.NaN : (tokens * price) / 1e6
  }
  const cost =
    charge(attempt.input_tokens, input) +
    charge(attempt.output_tokens, output) +
    charge(attempt.cache_read_tokens, cache_read ?? input) +
    charge(attempt.cache_write_tokens, cache_write ?? input)
  return cost <= ATTEMPT_FIELDS.cost_usd.max ? cost : undefined
}
