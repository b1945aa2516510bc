/**
 * The OpenAI Agents SDK for JavaScript (`@openai/agents`): a tracing processor that makes an attempt of each run of an agent. Loads nothing of the
 * SDK.
 */
import { type Adapter, type AdapterOptions, createAdapter, type ReportedRun } from './reported-run.ts'
import { answeredModel, type ModelCall } from './usage.ts'

/** What the SDK reports of the run of one agent. A handoff ends a run, and starts that of the next agent. */
export interface OpenAiAgentRun {
  readonly agent: string
  /** `traceMetadata` of the run's configuration. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** What the last model call of the run put out. Undefined while it goes on, and if the SDK keeps data out of its traces. */
  readonly output?: unknown
}

/** As much of a span of the SDK as is read. */
export interface OpenAiSpan {
  readonly spanId: string
  readonly parentId: string | null
  readonly traceMetadata?: Readonly<Record<string, unknown>> | undefined
  readonly spanData: { readonly type: string }
  readonly error: { readonly message: string; readonly data?: Readonly<Record<string, unknown>> } | null
}

/** A `TracingProcessor` of the SDK. */
export interface AttemptProcessor {
  onTraceStart(trace: unknown): Promise<void>
  onTraceEnd(trace: unknown): Promise<void>
  onSpanStart(span: OpenAiSpan): Promise<void>
  onSpanEnd(span: OpenAiSpan): Promise<void>
  shutdown(timeout?: number): Promise<void>
  forceFlush(): Promise<void>
}

/** A run of an agent that goes on. */
interface OpenRun {
  readonly agent: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly around: OpenRun | undefined
  readonly reported: ReportedRun<OpenAiAgentRun>
  /** The tokens of turns. They count if the spans of model calls state none. */
  readonly turns: ModelCall[]
  callsStateTokens: boolean
  output: unknown
  /** Tools that the last model call asked for, and that were not run yet. */
  askedTools: number
  /** Whether the last model call ended without an answer and without an error: the reader of a stream left. */
  isLeft: boolean
}

/** A span that goes on. */
interface OpenSpan {
  /** The run of an agent that it is a part of. */
  readonly run: OpenRun | undefined
  /** Whether it is the span of that run, and not one below. */
  readonly isRun: boolean
  /** Whether the span above it went on when it started. */
  readonly hadParent: boolean
}

/** Spans that are remembered. The span of a run that is never resumed never ends. */
const MAX_SPANS = 10_000

/**
 * A processor for `addTraceProcessor`, or for `setTraceProcessors` in place of the upload to OpenAI. Tracing must be on: the SDK turns it off where
 * `NODE_ENV` is `test`. A run that waits for a person is neither success nor failure: it is recorded when it was resumed and has ended, with
 * the time and the tokens since then. With `traceIncludeSensitiveData: false` its spans do not differ from those of a run that completed, so it
 * counts as a success.
 */
export function attemptProcessor(options: AdapterOptions<OpenAiAgentRun> = {}): AttemptProcessor {
  const adapter = createAdapter('openai-agents', options)
  const spans = new Map<string, OpenSpan>()

  const started = adapter.guarded((span: OpenAiSpan) => {
    const parent = span.parentId === null ? undefined : spans.get(span.parentId)
    const { type, name } = span.spanData as { type: string; name?: unknown }
    // A run of an agent within another run of the same agent is a part of that one.
    const isRun = type === 'agent' && typeof name === 'string' && !isWithin(parent?.run, name)
    const run = isRun ? startRun(adapter, span, name, parent?.run) : parent?.run
    spans.set(span.spanId, { run, isRun, hadParent: parent !== undefined })
    if (spans.size > MAX_SPANS) spans.delete(spans.keys().next().value!)
  })

  const ended = adapter.guarded((span: OpenAiSpan) => {
    const open = spans.get(span.spanId)
    spans.delete(span.spanId)
    if (open?.run === undefined) return
    const { run, isRun, hadParent } = open
    if (!isRun) countSpan(span, run)
    // If the span above it ended first, the run waited for a person: another span continues the run.
    else if (!hadParent || spans.has(span.parentId ?? '')) endRun(span, run)
  })

  const nothing = async (): Promise<void> => undefined
  return {
    onTraceStart: nothing,
    onTraceEnd: nothing,
    onSpanStart: async span => started(span),
    onSpanEnd: async span => ended(span),
    shutdown: nothing,
    forceFlush: nothing,
  }
}

function isWithin(run: OpenRun | undefined, agent: string): boolean {
  for (let one = run; one !== undefined; one = one.around) if (one.agent === agent) return true
  return false
}

function startRun(
  adapter: Adapter<OpenAiAgentRun>,
  span: OpenAiSpan,
  agent: string,
  around: OpenRun | undefined,
): OpenRun {
  const metadata = span.traceMetadata ?? {}
  const reported = adapter.start({ agent, metadata }, { agent_name: agent })
  return {
    agent,
    metadata,
    around,
    reported,
    turns: [],
    callsStateTokens: false,
    output: undefined,
    askedTools: 0,
    isLeft: false,
  }
}

function endRun(span: OpenAiSpan, run: OpenRun): void {
  const { agent, metadata, reported, turns, callsStateTokens, output, askedTools, isLeft } = run
  if (!callsStateTokens) for (const turn of turns) reported.call(turn)
  if (span.error !== null) reported.fail(errorOf(span.error))
  else if (isLeft) reported.cancel()
  // Otherwise it waits for a person to allow the tools.
  else if (askedTools === 0) reported.complete({ agent, metadata, output })
}

/** The SDK prints the error of a run as text, with its name first. */
function errorOf({ message, data }: NonNullable<OpenAiSpan['error']>): {
  readonly name: string
  readonly message: string
} {
  const text = typeof data?.error === 'string' ? data.error : message
  const [, name = 'Error', rest = text] = /^([A-Za-z_$][\w.$]*): (.*)$/s.exec(text) ?? []
  // The error of a request has no name of its own, and begins with the status.
  return { name: name === 'Error' ? (/^\d{3}(?= )/.exec(rest)?.[0] ?? '_OTHER') : name, message: rest }
}

/** The data of a model call: `response` of the Responses API, `generation` of any other, or of a turn around it. */
interface CallData {
  readonly type: string
  readonly model?: unknown
  readonly usage?: UsageData
  readonly output?: readonly {
    readonly model?: unknown
    readonly usage?: UsageData
    readonly choices?: readonly { readonly message?: { readonly tool_calls?: unknown } }[]
  }[]
  readonly _response?: { readonly model?: unknown; readonly usage?: UsageData; readonly output?: unknown }
}

/** Usage as the Responses API prints it, as chat completions do, or as a turn does. All of them include cached tokens in the input. */
interface UsageData {
  readonly input_tokens?: unknown
  readonly prompt_tokens?: unknown
  readonly output_tokens?: unknown
  readonly completion_tokens?: unknown
  readonly input_tokens_details?: CacheData
  readonly prompt_tokens_details?: CacheData
  readonly cached_input_tokens?: unknown
  readonly cache_write_input_tokens?: unknown
}

interface CacheData {
  readonly cached_tokens?: unknown
  readonly cache_write_tokens?: unknown
}

function countSpan({ spanData }: OpenAiSpan, run: OpenRun): void {
  const { type, model, usage, output, _response: response } = spanData as CallData
  if (type === 'turn') {
    if (usage !== undefined) run.turns.push(tokensOfCall(usage))
    return
  }
  if (type === 'function' || type === 'handoff') run.askedTools = Math.max(0, run.askedTools - 1)
  if (type !== 'generation' && type !== 'response') return
  const [answer] = output ?? []
  const stated = response?.usage ?? usage ?? answer?.usage
  run.callsStateTokens ||= stated !== undefined
  run.output = response?.output ?? output ?? run.output
  // A span without input has no data at all, and does not show whether the reader left.
  run.isLeft = ('input' in spanData || '_input' in spanData) && response === undefined && output === undefined
  run.askedTools = askedToolsOf(response?.output ?? answer?.choices?.[0]?.message?.tool_calls)
  run.reported.call({
    model: answeredModel([model], response?.model ?? answer?.model),
    ...(stated !== undefined && tokensOfCall(stated)),
  })
}

/** The tools among the items of an output that the SDK runs: those of chat completions have the type `function`. */
function askedToolsOf(items: unknown): number {
  if (!Array.isArray(items)) return 0
  return items.filter(item => ['function_call', 'function', 'mcp_approval_request'].includes(item?.type)).length
}

function tokensOfCall(usage: UsageData): ModelCall {
  const cache = usage.input_tokens_details ?? usage.prompt_tokens_details
  return {
    allInput: usage.input_tokens ?? usage.prompt_tokens,
    output: usage.output_tokens ?? usage.completion_tokens,
    cacheRead: usage.cached_input_tokens ?? cache?.cached_tokens,
    cacheWrite: usage.cache_write_input_tokens ?? cache?.cache_write_tokens,
  }
}
