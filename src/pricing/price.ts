/** What an attempt cost that reported no cost: its tokens at the prices of its model. */
import type { NewAttempt } from '../core/attempt/attempt.ts'
import { ATTEMPT_FIELDS } from '../core/attempt/fields.ts'
import { parseTimestamp } from '../core/attempt/timestamp.ts'
import { type Charges, findCharges } from './model-lookup.ts'
import { readOverrides, type TokenPrices } from './overrides.ts'

/** The cost in US dollars of an attempt's tokens; undefined where it states none, or where its model has no price. Never throws. */
export type Price = (attempt: NewAttempt) => number | undefined

export interface PriceOptions {
  /** A file of prices by model name, which go before all others. */
  readonly overrides?: string | undefined
}

/** Model names that are remembered with what they charge, or with having no price. */
const MAX_REMEMBERED = 10_000

/**
 * Prices as of an attempt's time, from the file `overrides` or else from `@pydantic/genai-prices`; those of a model are searched for when
 * it is first met. Throws a `ConfigError` where the file cannot be used.
 */
export function createPrice({ overrides }: PriceOptions = {}): Price {
  const stated = overrides === undefined ? new Map<string, TokenPrices>() : readOverrides(overrides)
  const remembered = new Map<string, Charges | undefined>()

  function chargesOf(name: string): Charges | undefined {
    if (remembered.has(name)) return remembered.get(name)
    const own = stated.get(name)
    const charges = own === undefined ? findCharges(name) : () => own
    // Names come from outside: the one that was met first makes room.
    if (remembered.size >= MAX_REMEMBERED) remembered.delete(remembered.keys().next().value!)
    remembered.set(name, charges)
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
 * Every kind of token at its own price: those of a cache are not in `input_tokens`. (The library counts them inside, which is why its own
 * sum is not asked for.) Where cached tokens have no price of their own they cost as much as other input.
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
