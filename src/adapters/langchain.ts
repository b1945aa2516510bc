/**
 * LangChain and LangGraph for JavaScript (`@langchain/core`): a callback handler that makes an attempt of each root run of a chain or a graph.
 * Loads nothing of LangChain.
 */
import { type Adapter, type AdapterOptions, createAdapter, type ReportedRun } from './reported-run.ts'
import { answeredModel, type ModelCall } from './usage.ts'

/** What LangChain reports of a root run. Graphs and models within it are a part of it. */
export interface LangChainRun {
  /** The `name` of the agent or graph, or the `runName` of the configuration. */
  readonly name: string
  /** `metadata` of the run's configuration. */
  readonly metadata: Readonly<Record<string, unknown>>
  readonly tags: readonly string[]
  /** What the run returned. Undefined while it goes on. */
  readonly output?: unknown
}

/** A list of messages, as a model returns it. */
export interface LangChainGenerations {
  readonly generations: readonly (readonly object[])[]
}

/**
 * Methods of a callback handler. LangChain declares the parameters of `handleChainStart` in one order, and passes them in another: the run above
 * is the fourth or the eighth. The ids of runs tell which.
 */
export interface AttemptHandler {
  /** Callbacks run before LangChain goes on, so that an attempt is recorded when `invoke` returns. */
  readonly awaitHandlers: true
  readonly [GRAPH_CALLBACKS]: true
  handleInterrupt(event: { readonly runId?: string }): void
  handleChainStart(
    chain: unknown,
    inputs: unknown,
    runId: string,
    runTypeOrParentRunId?: string,
    tags?: string[],
    metadata?: Record<string, unknown>,
    runNameOrType?: string,
    parentRunIdOrRunName?: string,
  ): void
  handleChainEnd(outputs: unknown, runId: string): void
  handleChainError(error: unknown, runId: string): void
  readonly handleChatModelStart: ModelStart
  readonly handleLLMStart: ModelStart
  handleLLMEnd(output: LangChainGenerations, runId: string): void
  handleLLMError(error: unknown, runId: string): void
  handleRetrieverStart(retriever: unknown, query: string, runId: string, parentRunId?: string): void
  handleRetrieverEnd(documents: unknown, runId: string): void
  handleRetrieverError(error: unknown, runId: string): void
  handleToolStart(tool: unknown, input: string, runId: string, parentRunId?: string): void
  handleToolEnd(output: unknown, runId: string): void
  handleToolError(error: unknown, runId: string): void
}

/** Is called when a chat model or another language model is asked. `metadata` names the model. */
export type ModelStart = (
  model: unknown,
  prompts: unknown,
  runId: string,
  parentRunId?: string,
  extra?: Record<string, unknown>,
  tags?: string[],
  metadata?: Record<string, unknown>,
) => void

/** A root run that goes on. */
interface OpenRun {
  readonly run: LangChainRun
  readonly reported: ReportedRun<LangChainRun>
  /** Whether a part of it stopped to wait for a person. */
  isInterrupted: boolean
}

/** A run that goes on: the root run that it is a part of, and the model that it asks. */
interface OpenPart {
  readonly root: OpenRun
  readonly isRoot: boolean
  readonly model?: unknown
}

/** Runs that are remembered. A run whose stream has no reader any more may never end. */
const MAX_RUNS = 10_000

/** By this property LangGraph tells handlers of interrupts from others. Older releases tell only by an error of the node. */
const GRAPH_CALLBACKS: unique symbol = Symbol.for('langgraph.graph_callback_handler')
/** What LangGraph throws to wait for a person. */
const INTERRUPTS: readonly unknown[] = ['GraphInterrupt', 'NodeInterrupt']

/**
 * A handler for the `callbacks` of a call, or of a graph by `withConfig`. A run that waits for a person is neither success nor failure: it is
 * recorded when it was resumed and has ended, with the time and the tokens since then.
 */
export function attemptHandler(options: AdapterOptions<LangChainRun> = {}): AttemptHandler {
  const adapter = createAdapter('langchain', options)
  const parts = new Map<string, OpenPart>()

  const remember = (runId: string, part: OpenPart): void => {
    parts.set(runId, part)
    if (parts.size > MAX_RUNS) parts.delete(parts.keys().next().value!)
  }
  /** Undefined for a run that is no part of a root run, and for the second call of a handler that is in the configuration twice. */
  const take = (runId: string): OpenPart | undefined => {
    const part = parts.get(runId)
    parts.delete(runId)
    return part
  }
  const startPart = adapter.guarded((runId: string, parentRunId?: string, model?: unknown) => {
    const parent = parentRunId === undefined ? undefined : parts.get(parentRunId)
    if (parent !== undefined && !parts.has(runId)) remember(runId, { root: parent.root, isRoot: false, model })
  })
  const startModel: ModelStart = adapter.guarded((_model, _prompts, runId, parentRunId, _extra, _tags, metadata) =>
    startPart(runId, parentRunId, metadata?.ls_model_name),
  )
  const endPart = (runId: string): void => void take(runId)
  const failPart = adapter.guarded((error: unknown, runId: string) => {
    const part = take(runId)
    if (part !== undefined && isInterrupt(error)) part.root.isInterrupted = true
  })

  return {
    awaitHandlers: true,
    [GRAPH_CALLBACKS]: true,
    handleInterrupt: adapter.guarded(({ runId }) => {
      const part = parts.get(runId ?? '')
      if (part !== undefined) part.root.isInterrupted = true
    }),
    handleChainStart: adapter.guarded((chain, _inputs, runId, fourth, tags, metadata, seventh, eighth) => {
      const parentRunId = [fourth, eighth].find(isRunId)
      if (parentRunId !== undefined) startPart(runId, parentRunId)
      else if (!parts.has(runId)) {
        const name = nameOf(isRunId(eighth) ? seventh : eighth, chain)
        remember(runId, startRoot(adapter, name, metadata, tags))
      }
    }),
    handleChainEnd: adapter.guarded((output, runId) => {
      const part = take(runId)
      if (part?.isRoot !== true || part.root.isInterrupted) return
      const { reported, run } = part.root
      reported.complete({ ...run, output })
    }),
    handleChainError: adapter.guarded((error, runId) => {
      const isRoot = parts.get(runId)?.isRoot === true
      if (!isRoot || isInterrupt(error)) failPart(error, runId)
      else {
        const { reported } = take(runId)!.root
        if (isAbort(error)) reported.cancel()
        else reported.fail(error)
      }
    }),
    handleChatModelStart: startModel,
    handleLLMStart: startModel,
    handleLLMEnd: adapter.guarded((output, runId) => {
      const part = take(runId)
      if (part === undefined) return
      if (!Array.isArray(output?.generations)) adapter.sayOnce('a model call ended without generations')
      else for (const call of callsOf(output, part.model)) part.root.reported.call(call)
    }),
    handleLLMError: adapter.guarded((error, runId) => {
      const part = parts.get(runId)
      part?.root.reported.call({ model: part.model })
      failPart(error, runId)
    }),
    handleRetrieverStart: (_retriever, _query, runId, parentRunId) => startPart(runId, parentRunId),
    handleRetrieverEnd: (_documents, runId) => endPart(runId),
    handleRetrieverError: failPart,
    handleToolStart: (_tool, _input, runId, parentRunId) => startPart(runId, parentRunId),
    handleToolEnd: (_output, runId) => endPart(runId),
    handleToolError: failPart,
  }
}

function startRoot(
  adapter: Adapter<LangChainRun>,
  name: string,
  metadata: Readonly<Record<string, unknown>> = {},
  tags: readonly string[] = [],
): OpenPart {
  const run = { name, metadata, tags }
  return { root: { run, reported: adapter.start(run, { agent_name: name }), isInterrupted: false }, isRoot: true }
}

/** The name that LangChain gives a run, else the class of the chain. */
function nameOf(runName: string | undefined, chain: unknown): string {
  const { name, id } = (chain ?? {}) as { name?: unknown; id?: unknown }
  const className: unknown = Array.isArray(id) ? id.at(-1) : undefined
  return (
    ([runName, name, className].find(one => typeof one === 'string' && one !== '') as string | undefined) ?? 'unknown'
  )
}

/** Ids of runs are UUIDs. */
function isRunId(value: string | undefined): value is string {
  return value !== undefined && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value)
}

function isInterrupt(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && INTERRUPTS.includes(error.name)
}

/** What LangChain and LangGraph make of a signal that gives no reason of its own. Other errors say by their name that they are aborts. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'Error' && ['Abort', 'Aborted'].includes(error.message)
}

/** As much of a message as is read. */
interface Message {
  readonly usage_metadata?: {
    readonly input_tokens?: unknown
    readonly output_tokens?: unknown
    readonly input_token_details?: { readonly cache_read?: unknown; readonly cache_creation?: unknown }
  }
  readonly response_metadata?: { readonly model_name?: unknown; readonly model?: unknown }
}

/** The usage of all messages of a call. Its input includes cached tokens. Several answers to one prompt share one usage: the first has it. */
function callsOf({ generations }: LangChainGenerations, asked: unknown): ModelCall[] {
  return generations.map(answers => {
    const { usage_metadata: usage, response_metadata: answer } =
      answers.map(one => (one as { message?: Message }).message ?? {}).find(one => one.usage_metadata !== undefined) ??
      {}
    return {
      model: answeredModel([asked], answer?.model_name ?? answer?.model),
      allInput: usage?.input_tokens,
      output: usage?.output_tokens,
      cacheRead: usage?.input_token_details?.cache_read,
      cacheWrite: usage?.input_token_details?.cache_creation,
    }
  })
}
