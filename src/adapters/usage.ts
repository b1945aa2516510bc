/** Adds up the tokens of model calls, and remembers which model answered. */
import type { AttemptOutcome } from '../index.ts'

/** One model call. Numbers that are absent or not finite count as not stated. */
export interface ModelCall {
  readonly model?: unknown
  /** Tokens put in, cached ones included. */
  readonly allInput?: unknown
  /** Tokens put in, outside of any cache. Without it they are {@link allInput} minus the cached ones. */
  readonly input?: unknown
  readonly output?: unknown
  readonly cacheRead?: unknown
  readonly cacheWrite?: unknown
}

export type Usage = Pick<
  AttemptOutcome,
  'model_name' | 'input_tokens' | 'output_tokens' | 'cache_read_tokens' | 'cache_write_tokens'
>

export interface UsageSum {
  add(call: ModelCall): void
  /** The sums of what was stated, and the model with the most tokens. */
  usage(): Usage
}

/**
 * The model that answered. If it has the name of a model that was asked and only a date behind it, as `gpt-5-2025-08-07` has, it is the one that
 * was asked: a release under the same name is no other model. Without an answer it is the first that was asked.
 */
export function answeredModel(asked: readonly unknown[], answered: unknown): string | undefined {
  const names = asked.map(nameOf).filter(name => name !== undefined)
  const other = nameOf(answered)
  if (other === undefined) return names[0]
  return (
    names.find(name => other.startsWith(name) && /^[-@]\d{4}-?\d{2}-?\d{2}$/.test(other.slice(name.length))) ?? other
  )
}

/** The tokens of one call, with those of the cache apart. */
export function tokensOf({ allInput, input, output, cacheRead, cacheWrite }: ModelCall): Omit<Usage, 'model_name'> {
  const [all, read, write] = [count(allInput), count(cacheRead), count(cacheWrite)]
  const outside = count(input) ?? (all === undefined ? undefined : Math.max(0, all - (read ?? 0) - (write ?? 0)))
  return { input_tokens: outside, output_tokens: count(output), cache_read_tokens: read, cache_write_tokens: write }
}

export function createUsageSum(): UsageSum {
  const sums = new Map<keyof Omit<Usage, 'model_name'>, number>()
  const tokensByModel = new Map<string, number>()
  return {
    add: call => {
      let all = 0
      for (const [name, tokens] of Object.entries(tokensOf(call)) as [keyof Omit<Usage, 'model_name'>, number?][]) {
        if (tokens === undefined) continue
        sums.set(name, (sums.get(name) ?? 0) + tokens)
        all += tokens
      }
      const model = nameOf(call.model)
      if (model !== undefined) tokensByModel.set(model, (tokensByModel.get(model) ?? 0) + all)
    },
    usage: () => {
      const [first, ...others] = tokensByModel
      const most = first && others.reduce((best, one) => (one[1] > best[1] ? one : best), first)
      return { ...(most !== undefined && { model_name: most[0] }), ...Object.fromEntries(sums) }
    },
  }
}

function nameOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? Math.round(value) : undefined
}
