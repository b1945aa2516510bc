/** Reads usage and reasons of the AI SDK 5 to 7, from its results and from its models. */
import type { ActiveAttempt, AttemptOutcome } from '../index.ts'
import type { ModelCall } from './usage.ts'

export const NAME = 'ai-sdk'

/** The models that an attempt asked by way of the middleware. */
export const askedModels: WeakMap<ActiveAttempt, Set<string>> = new WeakMap()

/** Usage as the SDK prints it (5; 6 and 7), or as a model returns it (specification 2; 3 and 4). */
interface AiUsage {
  readonly inputTokens?:
    | number
    | {
        readonly total?: unknown
        readonly noCache?: unknown
        readonly cacheRead?: unknown
        readonly cacheWrite?: unknown
      }
  readonly outputTokens?: number | { readonly total?: unknown }
  readonly inputTokenDetails?: {
    readonly noCacheTokens?: unknown
    readonly cacheReadTokens?: unknown
    readonly cacheWriteTokens?: unknown
  }
  readonly cachedInputTokens?: unknown
}

/** Providers of version 5 that count cached tokens apart from the input tokens. Later versions state it in the usage. */
const CACHE_APART = ['anthropic', 'bedrock']

export function callOf(usage: unknown, providers: readonly string[]): ModelCall {
  const { inputTokens, outputTokens, inputTokenDetails: details, cachedInputTokens } = (usage ?? {}) as AiUsage
  const output = typeof outputTokens === 'object' ? outputTokens?.total : outputTokens
  if (typeof inputTokens === 'object' && inputTokens !== null) {
    const { total, noCache, cacheRead, cacheWrite } = inputTokens
    return { allInput: total, input: noCache, cacheRead, cacheWrite, output }
  }
  if (details !== undefined) {
    const { noCacheTokens, cacheReadTokens, cacheWriteTokens } = details
    return {
      allInput: inputTokens,
      input: noCacheTokens,
      cacheRead: cacheReadTokens,
      cacheWrite: cacheWriteTokens,
      output,
    }
  }
  const isApart = providers.some(provider => CACHE_APART.includes(provider))
  return { ...(isApart ? { input: inputTokens } : { allInput: inputTokens }), cacheRead: cachedInputTokens, output }
}

/** Specification 2 has the reason itself, later ones have an object. */
export function failureOf(finish: unknown): AttemptOutcome {
  const { finishReason } = finish as { finishReason?: unknown }
  const reason =
    typeof finishReason === 'object' ? (finishReason as { unified?: unknown } | null)?.unified : finishReason
  return reason === 'error' ? { success: false } : {}
}
