/** The span of an attempt: `invoke_agent` of the GenAI conventions, with additional attributes under `agent.attempt`. */
import {
  type Attributes,
  type Context,
  context,
  createTraceState,
  isSpanContextValid,
  ProxyTracerProvider,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TraceState,
  trace,
} from '@opentelemetry/api'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import { FIELD_LIST, type ListedField } from '../core/attempt/fields.ts'
import { trackedRun } from '../core/attempt/tracked-run.ts'
import { OTHER_ERROR } from './error-type.ts'

const SPAN_FIELDS = FIELD_LIST.filter(field => field.spanAttribute !== undefined)
const isAtStart = ({ known, name }: ListedField): boolean => known === 'start' || name === 'attempt_id'
const AT_START = SPAN_FIELDS.filter(field => isAtStart(field) || field.known === 'any')
/** Without `error.type`, which only a failed attempt has. */
const AT_END = SPAN_FIELDS.filter(field => !isAtStart(field) && field.name !== 'error_type')

/** A started span. Errors of the tracer pass through: callers guard. */
export interface AttemptSpan {
  /** The context to run the work in, so that its spans become children. */
  readonly context: Context
  /** Undefined if the span belongs to no trace. */
  readonly traceId: string | undefined
  /** Ends the span with the attempt's result. */
  end(attempt: NewAttempt, details?: SpanEnd): void
}

interface SpanEnd {
  /** The reason of a failure. */
  readonly message?: string | undefined
  /** The end time, by default now. */
  readonly at?: Date | undefined
  /** True if the attempt does not count. */
  readonly omitted?: boolean
}

/** The finish reason by which a sidecar counts a span as neither a success nor a failure. */
const ABORTED_REASONS = ['aborted']

/** The attribute `agent.attempt.result` by `success`. */
const RESULTS: ReadonlyMap<boolean | undefined, string> = new Map([
  [true, 'success'],
  [false, 'failure'],
  [undefined, 'pending'],
])

/** Starts the span of an attempt, at `startedAt` or now. Undefined while no provider is set. */
export function startAttemptSpan(attempt: NewAttempt, startedAt?: Date): AttemptSpan | undefined {
  const span = currentTracer()?.startSpan(`invoke_agent ${attempt.agent_name}`, {
    kind: SpanKind.INTERNAL,
    attributes: { 'gen_ai.operation.name': 'invoke_agent', ...attributesOf(attempt, AT_START) },
    ...(startedAt !== undefined && { startTime: startedAt }),
  })
  if (span === undefined) return undefined
  const spanContext = span.spanContext()
  markTrackedRun(spanContext, attempt.agent_name)
  return {
    context: trace.setSpan(context.active(), span),
    traceId: isSpanContextValid(spanContext) ? spanContext.traceId : undefined,
    end: (ended, { message, at, omitted = false } = {}) => {
      try {
        if (ended.model_name !== attempt.model_name) describeModel(span, ended.model_name)
        if (omitted) span.setAttribute('gen_ai.response.finish_reasons', ABORTED_REASONS)
        else describeEnd(span, ended, message)
      } finally {
        span.end(at)
      }
    },
  }
}

/** Trace states by agent, for spans whose parent has none. Parsing and checking one takes longer than the rest of the mark. */
const marks = new Map<string, TraceState>()
const MAX_MARKS = 1_000

/**
 * Spans below inherit the trace state. A tracer takes no trace state for a new span, so that the span's own is changed. Without the mark, the
 * sidecar would count a framework's span of this run as another attempt, if it arrives before its parent.
 */
function markTrackedRun(spanContext: SpanContext, agentName: string): void {
  try {
    const stated = spanContext.traceState
    spanContext.traceState = stated === undefined ? markOf(agentName) : marked(stated, agentName)
  } catch {
    // Another SDK's span context may be read-only.
  }
}

function markOf(agentName: string): TraceState {
  const known = marks.get(agentName)
  if (known !== undefined) return known
  if (marks.size >= MAX_MARKS) marks.clear()
  const mark = marked(createTraceState(), agentName)
  marks.set(agentName, mark)
  return mark
}

function marked(traceState: TraceState, agentName: string): TraceState {
  const { key, value } = trackedRun(agentName)
  return traceState.set(key, value)
}

/** The tracer of the current provider. Looked up for each span, because the provider may be set late or replaced. */
function currentTracer(): Tracer | undefined {
  const provider = trace.getTracerProvider()
  if (provider instanceof ProxyTracerProvider) return provider.getDelegateTracer('agent-performance')
  return provider.getTracer('agent-performance')
}

/**
 * Sets the model that answered. The sidecar takes the requested model of a span: it must be the one of the delivered attempt, because either
 * of them may arrive first.
 */
function describeModel(span: Span, model: string): void {
  span.setAttributes({ 'gen_ai.request.model': model, 'gen_ai.response.model': model })
}

function describeEnd(span: Span, attempt: NewAttempt, message: string | undefined): void {
  span.setAttributes({
    'agent.attempt.result': RESULTS.get(attempt.success),
    ...attributesOf(attempt, AT_END),
    ...inputTokens(attempt),
  })
  if (attempt.success !== false) return
  span.setAttribute('error.type', attempt.error_type ?? OTHER_ERROR)
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
}

function attributesOf(attempt: NewAttempt, fields: readonly ListedField[]): Attributes {
  const attributes: Attributes = {}
  for (const { name, spanAttribute } of fields) {
    const value = attempt[name]
    if (value !== undefined && value !== null) attributes[spanAttribute!] = value
  }
  return attributes
}

/** The conventions include cached tokens in the input tokens. An attempt counts them separately. */
function inputTokens({ input_tokens, cache_read_tokens, cache_write_tokens }: NewAttempt): Attributes {
  if ((input_tokens ?? cache_read_tokens ?? cache_write_tokens) === undefined) return {}
  return { 'gen_ai.usage.input_tokens': (input_tokens ?? 0) + (cache_read_tokens ?? 0) + (cache_write_tokens ?? 0) }
}
