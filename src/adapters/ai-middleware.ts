/** A middleware for models of the AI SDK 5 to 7. */
import { sharedInstrumentation } from '../index.ts'
import { observedStream } from '../instrument/follow/observed-stream.ts'
import { askedModels, callOf, failureOf, NAME } from './ai-usage.ts'
import { type Adapter, type AdapterOptions, createAdapter, type ReportedRun } from './reported-run.ts'
import { answeredModel, type ModelCall } from './usage.ts'

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

/** The specifications that the versions 5 to 7 use. */
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
  const completed = adapter.guarded((run: ReportedRun<AiModelCall>, model: Model, result: unknown) => {
    const { response, ...finish } = (result ?? {}) as Finish & { readonly response?: { readonly modelId?: unknown } }
    run.call(finishedCall(model, { ...finish, model: response?.modelId }))
    run.complete({ ...callBy(model), result }, failureOf(finish))
  })

  const middleware: Omit<AttemptMiddleware, 'specificationVersion'> = {
    wrapGenerate: async ({ doGenerate, model }) => {
      const run = start(model)
      if (run === undefined) return await doGenerate()
      try {
        const result = await run.run(doGenerate)
        completed(run, model, result)
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
        return { ...result, stream: followed(result.stream, run, model, adapter) }
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

function finishedCall({ modelId, provider }: Model, { model, usage, providerMetadata }: Finish): ModelCall {
  const providers = [...Object.keys(providerMetadata ?? {}), ...provider.split('.')]
  return { model: answeredModel([modelId], model), ...callOf(usage, providers) }
}

function followed(
  stream: ReadableStream,
  run: ReportedRun<AiModelCall>,
  model: Model,
  adapter: Adapter<AiModelCall>,
): ReadableStream {
  let answered: unknown
  let finish: Finish = {}
  let failure: { readonly error: unknown } | undefined
  return observedStream(stream, {
    chunk: adapter.guarded(chunk => {
      const part = (chunk ?? {}) as { type?: unknown; modelId?: unknown; error?: unknown }
      if (part.type === 'response-metadata') answered = part.modelId ?? answered
      else if (part.type === 'error') failure = { error: part.error }
      else if (part.type === 'finish') finish = part as Finish
    }),
    end: adapter.guarded(() => {
      run.call(finishedCall(model, { ...finish, model: answered }))
      if (failure !== undefined) run.fail(failure.error)
      else run.complete(callBy(model), failureOf(finish))
    }),
    failed: run.fail,
    cancelled: run.cancel,
  })
}
