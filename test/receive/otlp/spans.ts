/** Spans in OTLP/JSON for tests, sent to a receiver in either encoding. */
import { expect } from 'vitest'
import { post, type Receiver } from './receiver.ts'
import { encodeJson, REQUESTS } from './wire.ts'

type Scalar = string | number | boolean | readonly string[]

/** A span of the trace `t`, by default: one second of work without attributes. */
export interface SpanOf {
  readonly id: number
  readonly parent?: number
  readonly trace?: number
  readonly name?: string
  readonly attributes?: Readonly<Record<string, Scalar>>
  readonly scope?: string
  readonly fields?: object
}

function anyValue(value: Scalar): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value !== 'number') return { arrayValue: { values: value.map(anyValue) } }
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: Number.isNaN(value) ? 'NaN' : value }
}

export const attributesOf = (all: Readonly<Record<string, Scalar>>): object[] =>
  Object.entries(all).map(([key, value]) => ({ key, value: anyValue(value) }))

const hex = (id: number, digits: number): string => id.toString(16).padStart(digits, '0')

/** The request of spans. */
export function requestOf(spans: readonly SpanOf[]): Record<string, unknown> {
  return {
    resourceSpans: [
      {
        scopeSpans: spans.map(
          ({ id, parent, trace = 1, name = 'x', attributes = {}, scope = 'test', fields = {} }) => ({
            scope: { name: scope },
            spans: [
              {
                traceId: hex(trace, 32),
                spanId: hex(id, 16),
                ...(parent !== undefined && { parentSpanId: hex(parent, 16) }),
                name,
                kind: 1,
                startTimeUnixNano: '1769860800000000000',
                endTimeUnixNano: '1769860801000000000',
                attributes: attributesOf(attributes),
                ...fields,
              },
            ],
          }),
        ),
      },
    ],
  }
}

/** Sends spans as one request. */
export async function send(
  to: Receiver,
  spans: readonly SpanOf[],
  encoding: 'json' | 'protobuf' = 'json',
  status = 200,
): Promise<void> {
  const json = requestOf(spans)
  const body = encoding === 'json' ? JSON.stringify(json) : encodeJson(REQUESTS.traces, json)
  expect((await post(to, 'traces', body)).status).toBe(status)
}

/** A run of an agent. */
export const run = (id: number, agent: string, parent?: number, more: Partial<SpanOf> = {}): SpanOf => ({
  id,
  ...(parent !== undefined && { parent }),
  ...more,
  attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': agent, ...more.attributes },
})

/** A call of a model: 100 tokens in, 20 out. */
export const chat = (id: number, parent: number, model = 'm', more: Partial<SpanOf> = {}): SpanOf => ({
  id,
  parent,
  ...more,
  attributes: {
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': model,
    'gen_ai.usage.input_tokens': 100,
    'gen_ai.usage.output_tokens': 20,
    ...more.attributes,
  },
})
