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
import { observedStream } from '../instrument/follow/observed-stream.ts'
import { type Adapter, type AdapterOptions, createAdapter, judged, type ReportedRun } from './reported-run.ts'
import { answeredModel, type ModelCall, tokensOf } from './usage.ts'

const NAME = 'ai-sdk'

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
/** The models that an attempt asked by way of the middleware. */
const askedModels = new WeakMap<ActiveAttempt, Set<string>>()
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

function callOf(usage: unknown, providers: readonly string[]): ModelCall {
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

/** A model call, as a `describe` sees it. */
export interface AiModelCall {
  /** The model that was asked. */
  readonly model: string
  readonly provider: string
  /** What a call without a stream returned. */
  readonly result?: unknown
}

/** As much of a model as is read, of the specifications 2 to 4. */
interface Model {
  readonly specificationVersion?: string
  readonly modelId: string
  readonly provider: string
}

const SPECIFICATIONS: readonly unknown[] = ['v2', 'v3', 'v4']

/** What all versions of a middleware have in common. */
export interface AttemptMiddleware {
  /** Each version of the SDK demands another literal and reads none of them. */
  readonly specificationVersion: never
  wrapGenerate<Result>(call: { readonly doGenerate: () => PromiseLike<Result>; readonly model: Model }): Promise<Result>
  wrapStream<Result extends { readonly stream: ReadableStream }>(call: {
    readonly doStream: () => PromiseLike<Result>
    readonly model: Model
  }): Promise<Result>
}

/**
 * A middleware for `wrapLanguageModel`. Within an attempt, by `trackAi` or `trackAttempt`, each model call adds its tokens to it, also if the attempt
 * fails later, and names the model. Outside of one, a model call is an attempt of its own if `labels` name an agent, else it is not recorded: a
 * middleware does not see which calls belong to one loop of tools.
 */
export function attemptMiddleware(options: AdapterOptions<AiModelCall> = {}): AttemptMiddleware {
  const adapter = createAdapter(NAME, options)
  const { labels, instrumentation = sharedInstrumentation } = options
  const namesAgent = typeof labels === 'function' || labels?.agent_name !== undefined
  const start = (model: Model): ReportedRun<AiModelCall> | undefined => {
    let run: ReportedRun<AiModelCall> | undefined
    adapter.guarded(() => {
      const { specificationVersion: version, modelId } = model
      if (!SPECIFICATIONS.includes(version)) adapter.sayOnce(`specification ${version} of a model is not known`)
      const attempt = instrumentation.activeAttempt()
      if (attempt !== undefined) askedModels.set(attempt, (askedModels.get(attempt) ?? new Set<string>()).add(modelId))
      if (attempt !== undefined || namesAgent)
        run = adapter.active() ?? adapter.start(callBy(model), { model_name: modelId })
      run?.call({ model: modelId })
    })()
    return run
  }
  const count = adapter.guarded((run: ReportedRun<AiModelCall>, model: Model, finish: Finish) => {
    run.call({
      model: answeredModel([model.modelId], finish.model),
      ...callOf(finish.usage, providersOf(model, finish)),
    })
  })

  const middleware: Omit<AttemptMiddleware, 'specificationVersion'> = {
    wrapGenerate: async ({ doGenerate, model }) => {
      const run = start(model)
      if (run === undefined) return await doGenerate()
      try {
        const result = await run.run(doGenerate)
        const { usage, response, providerMetadata } = result as {
          usage?: unknown
          response?: { modelId?: unknown }
          providerMetadata?: object
        }
        count(run, model, { usage, model: response?.modelId, providerMetadata })
        run.complete({ ...callBy(model), result }, failureOf(result))
        return result
      } catch (error) {
        run.fail(error)
        throw error
      }
    },
    wrapStream: async ({ doStream, model }) => {
      const run = start(model)
      if (run === undefined) return await doStream()
      try {
        const result = await run.run(doStream)
        return { ...result, stream: followed(result.stream, run, model, finish => count(run, model, finish)) }
      } catch (error) {
        run.fail(error)
        throw error
      }
    },
  }
  return middleware as AttemptMiddleware
}

const callBy = ({ modelId, provider }: Model): AiModelCall => ({ model: modelId, provider })

/** What the end of a model call states. */
interface Finish {
  readonly usage?: unknown
  readonly model?: unknown
  readonly providerMetadata?: object | undefined
  readonly finishReason?: unknown
}

function providersOf({ provider }: Model, { providerMetadata }: Finish): string[] {
  return [...Object.keys(providerMetadata ?? {}), ...provider.split('.')]
}

/** Specification 2 has the reason itself, later ones have an object. */
function failureOf(finish: unknown): AttemptOutcome {
  const { finishReason } = finish as { finishReason?: unknown }
  const reason =
    typeof finishReason === 'object' ? (finishReason as { unified?: unknown } | null)?.unified : finishReason
  return reason === 'error' ? { success: false } : {}
}

function followed(
  stream: ReadableStream,
  run: ReportedRun<AiModelCall>,
  model: Model,
  count: (finish: Finish) => void,
): ReadableStream {
  let answered: unknown
  let finish: Finish = {}
  let failure: { readonly error: unknown } | undefined
  return observedStream(stream, {
    chunk: chunk => {
      const part = (chunk ?? {}) as { type?: unknown; modelId?: unknown; error?: unknown }
      if (part.type === 'response-metadata') answered = part.modelId ?? answered
      else if (part.type === 'error') failure = { error: part.error }
      else if (part.type === 'finish') {
        finish = part as Finish
        count({ ...finish, model: answered })
      }
    },
    end: () => (failure === undefined ? run.complete(callBy(model), failureOf(finish)) : run.fail(failure.error)),
    failed: run.fail,
    cancelled: run.cancel,
  })
}
