/**
 * The Vercel AI SDK 5 to 7 (`ai`): `trackAi` for calls of the SDK, whatever loop of tools they run, and a middleware for models. Loads nothing
 * of the SDK.
 */
import {
  type ActiveAttempt,
  type AttemptLabels,
  type AttemptOutcome,
  type Describe,
  type Instrumentation,
  sharedInstrumentation,
} from '../index.ts'
import { askedModels, callOf, NAME } from './ai-usage.ts'
import { type Adapter, createAdapter, judged } from './reported-run.ts'
import { answeredModel, tokensOf } from './usage.ts'

export { type AiModelCall, type AttemptMiddleware, attemptMiddleware } from './ai-middleware.ts'

/** Labels of an attempt. The model is the one that answered; the label is for attempts that fail before. */
export type AiLabels = Omit<AttemptLabels, 'model_name'> & Partial<Pick<AttemptLabels, 'model_name'>>

/**
 * Runs calls of the AI SDK as one attempt, as `trackAttempt` does: `generateText`, `streamText`, `generateObject`, `streamObject`, `generate` and
 * `stream` of an agent. Model and tokens come from the result. A stream ends the attempt when it is read to its end, fails or is aborted. A
 * result that finished with an error is a failure. `describe` overrides all of it. Within an attempt of the same agent it only runs the work.
 */
export function trackAi<Result>(
  labels: AiLabels,
  work: () => Result,
  describe?: Describe<Result>,
  instrumentation: Instrumentation = sharedInstrumentation,
): Result {
  const adapter = adapterOf(instrumentation)
  // Work of the same agent around it is the attempt. Its result states the outcome.
  if (instrumentation.activeAttempt()?.agent_name === labels.agent_name) return work()
  let attempt: ActiveAttempt | undefined
  const within = (): Result => {
    attempt = instrumentation.activeAttempt()
    return work()
  }
  return instrumentation.trackAttempt({ model_name: UNKNOWN, ...labels }, within, async result => {
    const asked = [labels.model_name, ...((attempt && askedModels.get(attempt)) ?? [])]
    const outcome = await outcomeOf(result, asked, adapter)
    return describe === undefined ? outcome : await judged(describe, result, outcome)
  })
}

const UNKNOWN = 'unknown'
const adapters = new WeakMap<Instrumentation, Adapter<never>>()

/** One adapter, so that it says a problem once. */
function adapterOf(instrumentation: Instrumentation): Adapter<never> {
  const known = adapters.get(instrumentation) ?? createAdapter<never>(NAME, { instrumentation })
  adapters.set(instrumentation, known)
  return known
}

/** As much of a result as is read. Each part may be a promise. */
interface AiResult {
  readonly totalUsage?: unknown
  readonly usage?: unknown
  readonly response?: unknown
  readonly finishReason?: unknown
  readonly providerMetadata?: unknown
}

/** Empty for a result of other work. A result that cannot be read leaves model and tokens unknown, and is no reason to fail the attempt. */
async function outcomeOf(result: unknown, asked: readonly unknown[], adapter: Adapter<never>): Promise<AttemptOutcome> {
  if (typeof result !== 'object' || result === null) return {}
  try {
    const { totalUsage, usage, response, finishReason, providerMetadata } = result as AiResult
    const [all, last, answer, reason, metadata] = await Promise.all([
      totalUsage,
      usage,
      response,
      finishReason,
      providerMetadata,
    ])
    const tokens = all ?? last
    if (typeof tokens === 'object' && tokens !== null && !('inputTokens' in tokens))
      adapter.sayOnce('the usage of a result has no inputTokens: versions 5 to 7 of ai are known')
    const model = answeredModel(asked, (answer as { modelId?: unknown } | undefined)?.modelId)
    return {
      ...(model !== undefined && { model_name: model }),
      ...tokensOf(callOf(tokens, Object.keys((metadata as object | undefined) ?? {}))),
      ...(reason === 'error' && { success: false }),
    }
  } catch (error) {
    adapter.sayOnce(`a result cannot be read: ${error}`)
    return {}
  }
}
