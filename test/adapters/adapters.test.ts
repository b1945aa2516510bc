/** What all adapters promise, without the frameworks. frameworks.test.ts runs the frameworks. */
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { attemptMiddleware, trackAi } from '../../src/adapters/ai-sdk.ts'
import { type QueryResult, trackQuery } from '../../src/adapters/claude-agent-sdk.ts'
import { type AttemptHandler, attemptHandler } from '../../src/adapters/langchain.ts'
import { attemptProcessor, type OpenAiSpan } from '../../src/adapters/openai-agents.ts'
import { answeredModel, createUsageSum } from '../../src/adapters/usage.ts'
import type { Problem } from '../../src/index.ts'
import { type Collecting, collecting } from '../instrument/collecting.ts'
import { all } from '../instrument/stream-kinds.ts'
import { setSpans, unsetTelemetry } from '../instrument/telemetry.ts'

afterEach(unsetTelemetry)

const labels = { agent_name: 'Fixer', issue_type: 'bug' }

interface Said extends Collecting {
  readonly problems: readonly Problem[]
}

function saying(): Said {
  const problems: Problem[] = []
  return { ...collecting({ onProblem: problem => void problems.push(problem) }), problems }
}

/** Values as a framework of another version might pass, among them objects whose properties cannot be read. */
const anything = fc.oneof(
  fc.anything(),
  fc.constant(
    new Proxy(
      {},
      {
        get(_, name) {
          // A promise and the printer of a failed property read these of any value.
          if (typeof name === 'symbol' || ['then', 'toString', 'constructor', 'toJSON'].includes(name)) return undefined
          throw new Error('cannot be read')
        },
      },
    ),
  ),
)

describe('an adapter never throws into the framework, and changes nothing of it, whatever the framework passes', () => {
  it('openai-agents', async () => {
    const processor = attemptProcessor({ instrumentation: collecting().instrumentation })
    const spanData = fc.record({
      type: fc.constantFrom('agent', 'turn', 'response', 'generation'),
      name: anything,
      usage: anything,
      output: anything,
      _response: anything,
    })
    const span = fc.oneof(
      anything,
      fc.record({ spanId: fc.constantFrom('1', '2'), parentId: fc.constantFrom(null, '1'), spanData, error: anything }),
    )
    await fc.assert(
      fc.asyncProperty(span, async one => {
        await processor.onSpanStart(one as OpenAiSpan)
        await processor.onSpanEnd(one as OpenAiSpan)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  it('langchain', () => {
    const handler = attemptHandler({ instrumentation: collecting().instrumentation }) as unknown as Record<
      string,
      unknown
    >
    const methods = Object.keys(handler).filter(name => name.startsWith('handle'))
    const id = '00000000-0000-4000-8000-000000000000'
    const args = fc.array(fc.oneof(anything, fc.constant(id)), { maxLength: 9 })
    fc.assert(
      fc.property(fc.constantFrom(...methods), args, (name, given) => {
        ;(handler[name] as (...args: unknown[]) => void)(...given)
      }),
      { seed: 1, numRuns: 500 },
    )
  })

  it('ai-sdk', async () => {
    const { instrumentation } = collecting()
    const { wrapGenerate, wrapStream } = attemptMiddleware({ instrumentation, labels })
    const model = { modelId: 'gpt-5', provider: 'openai' }
    await fc.assert(
      fc.asyncProperty(fc.array(anything), anything, async (parts, result) => {
        expect(await wrapGenerate({ doGenerate: async () => result, model })).toBe(result)
        const { stream } = await wrapStream({ doStream: async () => ({ stream: ReadableStream.from(parts) }), model })
        expect(await all(stream)).toEqual(parts)
        expect(await trackAi(labels, async () => ({ result }), undefined, instrumentation)).toEqual({ result })
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  it('claude-agent-sdk', async () => {
    const { instrumentation } = collecting()
    const message = fc.oneof(
      anything,
      fc.record({
        type: fc.constantFrom('assistant', 'user', 'result', 'system'),
        message: anything,
        subtype: anything,
        usage: anything,
      }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(message), async messages => {
        const query = async function* (): AsyncGenerator<unknown> {
          yield* messages
        }
        expect(await all(trackQuery(labels, query, undefined, instrumentation))).toEqual(messages)
      }),
      { seed: 1, numRuns: 200 },
    )
  })
})

describe('an adapter says once what it does not understand', () => {
  it('ai-sdk: the specification of a model, and the result of another version', async () => {
    const { instrumentation, problems } = saying()
    const { wrapGenerate } = attemptMiddleware({ instrumentation, labels })
    const model = { specificationVersion: 'v9', modelId: 'gpt-9', provider: 'openai' }
    for (let call = 0; call < 3; call++) await wrapGenerate({ doGenerate: async () => ({}), model })
    expect(problems).toEqual([{ source: 'adapter', message: 'ai-sdk: specification v9 of a model is not known' }])

    const other = saying()
    const usage = { promptTokens: 1, completionTokens: 2 }
    for (let call = 0; call < 3; call++)
      await trackAi(labels, async () => ({ usage }), undefined, other.instrumentation)
    await expect.poll(() => other.attempts).toHaveLength(3)
    expect(other.problems.map(({ message }) => message)).toEqual([
      'ai-sdk: the usage of a result has no inputTokens: versions 5 to 7 of ai are known',
    ])
  })

  it('claude-agent-sdk: a result without usage', async () => {
    const { instrumentation, problems, attempts } = saying()
    const result: QueryResult = { type: 'result', subtype: 'success' }
    const query = async function* (): AsyncGenerator<QueryResult> {
      yield result
    }
    await all(trackQuery(labels, query, undefined, instrumentation))
    expect(attempts).toMatchObject([{ success: true }])
    expect(problems).toEqual([{ source: 'adapter', message: 'claude-agent-sdk: a result states no usage' }])
  })

  it('a function of the labels that throws: the run is recorded with what is known', async () => {
    const { instrumentation, problems, attempts } = saying()
    const throws = (): never => {
      throw new RangeError('no labels')
    }
    const processor = attemptProcessor({ instrumentation, labels: throws })
    for (const spanId of ['1', '2']) {
      const span = { spanId, parentId: null, spanData: { type: 'agent', name: 'Fixer' }, error: null }
      await processor.onSpanStart(span)
      await processor.onSpanEnd(span)
    }
    expect(attempts).toMatchObject([{ agent_name: 'Fixer' }, { agent_name: 'Fixer', issue_type: 'unknown' }])
    expect(problems.map(({ message }) => message)).toEqual([
      'openai-agents: the function of the labels threw: RangeError: no labels',
    ])
  })
})

it('the attempt of a run has a span with its id, so that the export of both counts once', () => {
  const spans = setSpans()
  const { instrumentation, attempts } = collecting()
  const handler: AttemptHandler = attemptHandler({ instrumentation, labels })
  const id = crypto.randomUUID()
  handler.handleChainStart({}, {}, id, undefined, [], {}, undefined, 'Fixer')
  handler.handleChainEnd({}, id)
  const [span] = spans.ended()
  expect(span?.name).toBe('invoke_agent Fixer')
  expect(span?.attributes['agent.attempt.id']).toBe(attempts[0]!.attempt_id)
  expect(attempts[0]!.trace_id).toBe(span?.spanContext().traceId)
})

it.each([
  ['a date behind the name that was asked', ['gpt-5'], 'gpt-5-2025-08-07', 'gpt-5'],
  ['a date without dashes', ['claude-sonnet-4-5'], 'claude-sonnet-4-5-20250929', 'claude-sonnet-4-5'],
  ['a date of Vertex', ['claude-sonnet-4-5'], 'claude-sonnet-4-5@20250929', 'claude-sonnet-4-5'],
  ['another model with a longer name', ['gpt-5'], 'gpt-5-mini-2025-08-07', 'gpt-5-mini-2025-08-07'],
  ['a model that was not asked', ['auto'], 'gpt-5', 'gpt-5'],
  ['no answer', ['gpt-5'], undefined, 'gpt-5'],
  ['nothing', [undefined], '', undefined],
])('the model that answered: %s', (_, asked, answered, model) => {
  expect(answeredModel(asked, answered)).toBe(model)
})

it('tokens of calls add up, whatever a call leaves out, and the model with the most of them counts', () => {
  const tokens = fc.option(fc.nat(1_000), { nil: undefined })
  const call = fc.record({ model: fc.constantFrom('a', 'b'), input: tokens, output: tokens, cacheRead: tokens })
  fc.assert(
    fc.property(fc.array(call, { minLength: 1, maxLength: 8 }), calls => {
      const sum = createUsageSum()
      for (const one of calls) sum.add(one)
      const total = (field: 'input' | 'output' | 'cacheRead', of = calls): number =>
        of.reduce((all, one) => all + (one[field] ?? 0), 0)
      const { model_name, input_tokens = 0, output_tokens = 0, cache_read_tokens = 0 } = sum.usage()
      expect([input_tokens, output_tokens, cache_read_tokens]).toEqual([
        total('input'),
        total('output'),
        total('cacheRead'),
      ])
      const of = (model: string): number => {
        const own = calls.filter(one => one.model === model)
        return total('input', own) + total('output', own) + total('cacheRead', own)
      }
      if (of('a') !== of('b')) expect(model_name).toBe(of('a') > of('b') ? 'a' : 'b')
    }),
    { seed: 1 },
  )
})
