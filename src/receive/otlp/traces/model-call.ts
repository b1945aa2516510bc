/** Calls of a model among the spans of a trace: the model and tokens that many frameworks state only there. */
import type { AttributeLookup } from '../mapping/attribute-lookup.ts'
import { compileRule } from '../mapping/compiled-rule.ts'
import { firstOf } from '../mapping/field-sources.ts'
import { GEN_AI_USAGE } from '../mapping/gen-ai.ts'
import type { OtlpRule } from '../mapping/mapping.ts'
import { createSpanEnd } from '../mapping/span-outcome.ts'
import type { TelemetryRecord } from '../telemetry-record.ts'

/** The kinds of tokens. Cached tokens are not among the input. */
export const TOKEN_FIELDS = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens'] as const

/** Tokens by kind; absent where they are not stated. */
export type Tokens = Partial<Record<(typeof TOKEN_FIELDS)[number], number>>

/** One call of a model. */
export interface ModelCall {
  readonly model: string | undefined
  /** The agent that it names. Not every instrumentation names the right one. */
  readonly agent: string | undefined
  readonly tokens: Tokens
  readonly hasTokens: boolean
  /** Nanoseconds since 1970. */
  readonly endedAt: bigint
  /** Undefined unless it failed. */
  readonly failure: Failure | undefined
}

/** Why a model call failed, as far as it states that. */
export interface Failure {
  readonly errorType: string | undefined
}

/** Reads the model call that a span is. Undefined where it is none. */
export type ReadModelCall = (record: TelemetryRecord) => ModelCall | undefined

/** The operations of the GenAI conventions that call a model for text. */
const OPERATIONS: ReadonlySet<unknown> = new Set(['chat', 'generate_content', 'text_completion'])

/** Longer names are no attempt's model, and would only take memory. */
const MAX_NAME = 256

const CALL: OtlpRule = {
  enabled: true,
  signal: 'traces',
  when: {},
  unless: {},
  attempt: {
    model_name: ['gen_ai.request.model', 'gen_ai.response.model', 'llm.model_name'],
    input_tokens: [...GEN_AI_USAGE.input_tokens, 'llm.token_count.prompt'],
    output_tokens: [...GEN_AI_USAGE.output_tokens, 'llm.token_count.completion'],
    cache_read_tokens: [
      ...GEN_AI_USAGE.cache_read_tokens,
      'llm.token_count.prompt_details.cache_read',
      'ai.usage.cachedInputTokens',
    ],
    cache_write_tokens: [
      ...GEN_AI_USAGE.cache_write_tokens,
      'llm.token_count.prompt_details.cache_write',
      'ai.usage.inputTokenDetails.cacheWriteTokens',
    ],
  },
  input_tokens_include_cache: true,
  roll_up: false,
  roll_up_failure: false,
}

/** Creates the reader. */
export function createModelCallReader(attributes: AttributeLookup): ReadModelCall {
  const call = compileRule(CALL, attributes)
  const operation = attributes.lookup('gen_ai.operation.name')
  const kind = attributes.lookup('openinference.span.kind')
  const agents = ['traceloop.association.properties.lc_agent_name', 'gen_ai.agent.name'].map(attributes.lookup)
  const end = createSpanEnd(attributes.lookup)
  const statusCode = attributes.lookup('status_code')
  const models = ['gen_ai.request.model', 'gen_ai.response.model'].map(attributes.lookup)

  /** Where neither convention names the kind of the span, as with the AI SDK and Logfire, one that names a model calls it. */
  function isCall(record: TelemetryRecord): boolean {
    const named = operation(record)
    if (named !== undefined) return OPERATIONS.has(named)
    const kindName = kind(record)
    return kindName === undefined ? models.some(model => model(record) !== undefined) : kindName === 'LLM'
  }

  function failureOf(record: TelemetryRecord): Failure | undefined {
    if (end.outcome(record) !== 'failure') return undefined
    const type = end.errorType(record) ?? statusCode(record)
    return { errorType: type === undefined ? undefined : nameOf(String(type)) }
  }

  return record => {
    if (!isCall(record)) return undefined
    const stated = call.statement(record)
    const model = stated.model_name
    const tokens: Tokens = {}
    for (const field of TOKEN_FIELDS) {
      const value = stated[field]
      if (typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)) tokens[field] = value
    }
    const agent = firstOf(agents, record)
    const hasTokens = Object.keys(tokens).length > 0
    return {
      model: nameOf(model),
      agent: nameOf(agent),
      tokens,
      hasTokens,
      endedAt: record.time,
      failure: failureOf(record),
    }
  }
}

const nameOf = (name: unknown): string | undefined =>
  typeof name === 'string' && name !== '' && name.length <= MAX_NAME ? name : undefined
