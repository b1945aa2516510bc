import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { StoreUnavailable } from '../../../src/core/ports.ts'
import { extractSpans } from '../../../src/receive/otlp/extract-spans.ts'
import { DEFAULT_MAPPING } from '../../../src/receive/otlp/mapping/default-mapping.ts'
import { mergeMapping } from '../../../src/receive/otlp/mapping/table.ts'
import type { TracesRequest } from '../../../src/receive/otlp/schema.ts'
import { createTraceMemory, MAX_AGE_MS } from '../../../src/receive/otlp/traces/trace-memory.ts'
import { openReceiver, type Receiver, type ReceiverOptions } from './receiver.ts'
import { chat, requestOf, run, type SpanOf, send } from './spans.ts'

async function receiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const to = await openReceiver(options)
  onTestFinished(to.close)
  return to
}

const agents = ({ kept }: Receiver): string[] => kept.map(({ agent_name }) => agent_name)

describe('one run is one attempt', () => {
  const nested = [run(3, 'fixer', 2), { id: 2, parent: 1 }, run(1, 'fixer')]

  test.each(['json', 'protobuf'] as const)(
    'of nested spans of an agent in one request the outer one counts (%s)',
    async encoding => {
      const to = await receiver()
      await send(to, nested, encoding)
      expect(to.kept.map(({ attempt_id }) => attempt_id)).toEqual([expect.stringMatching(/:0{15}1$/)])
      expect(to.reasons).toEqual({ same_run: 1 })
      expect(to.counts).toMatchObject({ ignored: 2, rejected: 0 })
    },
  )

  test('an inner span that came first counts, and the outer one is the duplicate', async () => {
    const to = await receiver()
    for (const span of nested) await send(to, [span])
    expect(to.kept.map(({ attempt_id }) => attempt_id)).toEqual([expect.stringMatching(/:0{15}3$/)])
    // A further inner span of the same run, which comes late.
    await send(to, [run(4, 'fixer', 2)])
    expect(to.kept).toHaveLength(1)
  })

  test('an outer span that came first counts, and the inner one is the duplicate', async () => {
    const to = await receiver()
    for (const span of nested.toReversed()) await send(to, [span])
    expect(to.kept).toHaveLength(1)
    expect(to.reasons).toEqual({ same_run: 1 })
  })

  test('another agent inside it is a run of its own, also with one of the first agent around both', async () => {
    const to = await receiver()
    await send(to, [run(3, 'fixer', 2), run(2, 'helper', 1), run(1, 'fixer')])
    expect(agents(to)).toEqual(['helper', 'fixer'])
  })

  test('runs beside each other, and in other traces, are separate', async () => {
    const to = await receiver()
    await send(to, [run(2, 'fixer', 1), run(3, 'fixer', 1), { id: 1 }, run(2, 'fixer', 1, { trace: 2 })])
    expect(agents(to)).toEqual(['fixer', 'fixer', 'fixer'])
  })

  test('a request that is sent again counts nothing twice', async () => {
    const to = await receiver()
    for (const span of [...nested, ...nested]) await send(to, [span])
    await send(to, nested)
    expect(to.counts.accepted).toBe(1)
  })

  test('a span that could not be kept counts when it is sent again, although its outer span came meanwhile', async () => {
    let failures = 1
    const to = await receiver({
      beforeKeep() {
        if (failures-- > 0) throw new StoreUnavailable('not now', { retryAfterSeconds: 1 })
      },
    })
    await send(to, [run(2, 'fixer', 1)], 'json', 503)
    await send(to, [run(2, 'fixer', 1)])
    await send(to, [run(1, 'fixer')])
    expect(to.counts.accepted).toBe(1)
    const other = await receiver({
      beforeKeep() {
        if (failures++ < 0) throw new StoreUnavailable('not now', { retryAfterSeconds: 1 })
      },
    })
    failures = -1
    await send(other, [run(2, 'fixer', 1)], 'json', 503)
    await send(other, [run(1, 'fixer')])
    await send(other, [run(2, 'fixer', 1)])
    expect(other.counts.accepted).toBe(1)
  })

  test('the operation decides, not the name of the span', async () => {
    const to = await receiver()
    const create = run(1, 'fixer', undefined, {
      name: 'invoke_agent fixer',
      attributes: { 'gen_ai.operation.name': 'create_agent' },
    })
    await send(to, [create, run(2, 'fixer', undefined, { name: 'Fixer.workflow' })])
    expect(to.counts).toMatchObject({ accepted: 1, ignored: 1 })
  })

  test('a handoff of OpenLIT is none: the agent that takes over has a span of its own', async () => {
    const to = await receiver()
    await send(to, [run(1, 'Linter', undefined, { attributes: { 'gen_ai.agent.source': 'Fixer' } })])
    expect(to.counts).toMatchObject({ accepted: 0, ignored: 1 })
  })

  test('no order and no batches of the spans of a run count it more than once', () => {
    const tree = [run(5, 'a', 4), { id: 4, parent: 3 }, run(3, 'a', 2), run(2, 'b', 1), run(1, 'a')]
    // Any subset of the requests in any order: at most one attempt a run, and one where all came together.
    const law = fc.property(
      fc.shuffledSubarray(tree, { minLength: 5 }),
      fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
      (order, ends) => {
        const memory = createTraceMemory()
        const batches: SpanOf[][] = [[]]
        order.forEach((span, i) => {
          batches.at(-1)!.push(span)
          if (ends[i]) batches.push([])
        })
        const counted = [...batches, ...batches, tree].flatMap(
          batch => extractSpans(requestOf(batch) as TracesRequest, DEFAULT_MAPPING, memory, 0).attempts,
        )
        const ids = new Map(counted.map(({ attempt_id, agent_name }) => [attempt_id, agent_name]))
        expect([...ids.values()].filter(agent => agent === 'b')).toHaveLength(1)
        const runs = [...ids.values()].filter(agent => agent === 'a').length
        expect(runs).toBeGreaterThan(0)
        if (batches.length <= 2 && batches[0]!.length === 5) expect(runs).toBe(1)
      },
    )
    fc.assert(law, { numRuns: 300 })
  })
})

describe('neither a success nor a failure', () => {
  const failed = { status: { code: 2 } }
  const raised = (type: string): object => ({
    ...failed,
    events: [{ name: 'exception', attributes: [{ key: 'exception.type', value: { stringValue: type } }] }],
  })

  test.each([
    ['an interrupt that waits for a person', 'interrupted', { fields: raised('langgraph.errors.GraphInterrupt') }],
    [
      'an interrupt by its error type',
      'interrupted',
      { fields: failed, attributes: { 'error.type': 'GraphInterrupt' } },
    ],
    ['work that was cancelled', 'aborted', { fields: raised('asyncio.exceptions.CancelledError') }],
    ['an aborted request', 'aborted', { attributes: { 'error.type': 'AbortError' } }],
    ['a stream of the AI SDK without a finish reason', 'aborted', { scope: 'gen_ai' }],
    ['a finish reason of an abort', 'aborted', { attributes: { 'gen_ai.response.finish_reasons': ['stop', 'abort'] } }],
  ] as const)('%s is %s', async (_, reason, more) => {
    for (const encoding of ['json', 'protobuf'] as const) {
      const to = await receiver()
      await send(to, [run(1, 'fixer', undefined, more as Partial<SpanOf>)], encoding)
      expect(to.counts).toMatchObject({ accepted: 0, rejected: 0, ignored: 1 })
      expect(to.reasons).toEqual({ [reason]: 1 })
    }
  })

  test.each([
    ['a timeout', { fields: raised('TimeoutError') }, { success: false, error_type: 'TimeoutError' }],
    ['the last exception', { fields: raised('a.B') }, { success: false, error_type: 'a.B' }],
    ['a handled exception', { fields: { ...raised('a.B'), status: {} } }, { success: true }],
    ['the name of the status', { fields: { status: { code: 'STATUS_CODE_ERROR' } } }, { success: false }],
    [
      'a finish reason',
      { attributes: { 'gen_ai.response.finish_reasons': '["stop"]' }, scope: 'gen_ai' },
      { success: true },
    ],
    [
      'a finish reason of an error',
      { attributes: { 'gen_ai.response.finish_reasons': ['error'] } },
      { success: false },
    ],
    ['a stated success', { fields: failed, attributes: { 'agent.attempt.success': true } }, { success: true }],
    ['a stated result', { attributes: { 'agent.attempt.result': 'failure' } }, { success: false }],
    [
      'an interrupt with a stated result',
      { fields: raised('GraphInterrupt'), attributes: { 'agent.attempt.result': 'success' } },
      { success: true },
    ],
  ] as const)('but %s decides', async (_, more, expected) => {
    const to = await receiver()
    await send(to, [run(1, 'fixer', undefined, more as Partial<SpanOf>)])
    expect(to.kept).toMatchObject([expected])
    expect(to.reasons).toEqual({})
  })
})

describe('the model and tokens of a run', () => {
  test('are those of the model calls below it, up to the next agent', async () => {
    const to = await receiver()
    await send(to, [
      chat(6, 5),
      run(5, 'helper', 2),
      chat(3, 2, 'large'),
      chat(4, 2, 'large'),
      { id: 2, parent: 1 },
      run(1, 'fixer'),
    ])
    expect(to.kept).toMatchObject([
      { agent_name: 'helper', model_name: 'm', input_tokens: 100, output_tokens: 20 },
      { agent_name: 'fixer', model_name: 'large', input_tokens: 200, output_tokens: 40 },
    ])
  })

  test('also of calls that came in earlier requests, before the spans in between', async () => {
    const to = await receiver()
    for (const span of [chat(3, 2), { id: 2, parent: 1 }, run(1, 'fixer')]) await send(to, [span])
    expect(to.kept).toMatchObject([{ model_name: 'm', input_tokens: 100, output_tokens: 20 }])
    expect(to.reasons).toEqual({})
  })

  test('are not changed by calls that come later, which are counted', async () => {
    const to = await receiver()
    await send(to, [chat(2, 1), run(1, 'fixer')])
    await send(to, [chat(3, 1)])
    await send(to, [chat(3, 1)])
    expect(to.kept).toMatchObject([{ input_tokens: 100 }])
    expect(to.reasons).toEqual({ late: 1 })
  })

  test('are its own where it states them, whatever the calls state', async () => {
    const to = await receiver()
    const own = { 'gen_ai.request.model': 'own', 'gen_ai.usage.output_tokens': 7 }
    await send(to, [chat(2, 1), run(1, 'fixer', undefined, { attributes: own })])
    expect(to.kept).toMatchObject([{ model_name: 'own', output_tokens: 7 }])
    expect(to.kept[0]).not.toHaveProperty('input_tokens')
  })

  test('count once where a span of the framework is around that of the SDK of the model', async () => {
    const to = await receiver()
    await send(to, [chat(3, 2), chat(2, 1), run(1, 'fixer')])
    expect(to.kept).toMatchObject([{ input_tokens: 100 }])
  })

  test('are those of the model with the most tokens, and unknown without a call', async () => {
    const to = await receiver()
    const few = { attributes: { 'gen_ai.usage.input_tokens': 1 } }
    await send(to, [chat(2, 1, 'small', few), chat(3, 1, 'large'), run(1, 'fixer'), run(4, 'lonely')])
    expect(to.kept).toMatchObject([
      { model_name: 'large', input_tokens: 101, output_tokens: 40 },
      { agent_name: 'lonely', model_name: 'unknown' },
    ])
    expect(to.kept[1]).not.toHaveProperty('input_tokens')
  })

  test.each([
    ['by the conventions', 'any', 'claude-x', 100, 60],
    ['by Anthropic’s SDK', 'com.anthropic.sdk.python', 'claude-x', 100, 60],
    ['of Agent Framework with Anthropic', 'agent_framework', 'claude-x', 60, 60],
    ['of Agent Framework with OpenAI', 'agent_framework', 'gpt-4o', 100, 60],
    ['of Strands with Bedrock', 'strands.telemetry.tracer', 'us.anthropic.claude-x', 60, 60],
    ['of Strands with OpenAI', 'strands.telemetry.tracer', 'gpt-4o', 100, 60],
  ])('cached tokens %s: scope %s, model %s, input %d is %d and 40 cached', async (_, scope, model, input, apart) => {
    const to = await receiver()
    const usage = { 'gen_ai.usage.input_tokens': input, 'gen_ai.usage.cache_read.input_tokens': 40 }
    const attributes = { 'gen_ai.request.model': model, ...usage }
    await send(to, [
      run(1, 'own', undefined, { scope, attributes }),
      chat(3, 2, model, { scope, attributes }),
      run(2, 'below'),
    ])
    expect(to.kept).toMatchObject([
      { agent_name: 'own', input_tokens: apart, cache_read_tokens: 40 },
      { agent_name: 'below', input_tokens: apart, cache_read_tokens: 40 },
    ])
  })

  test('and names come from pydantic-ai’s attributes, the id of the agent, and the id of the call', async () => {
    const to = await receiver()
    const attributes = {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.id': 'agent-7',
      'gen_ai.agent.call.id': 'call-1',
      model_name: 'gpt-4o',
      'gen_ai.aggregated_usage.input_tokens': 100,
      'gen_ai.aggregated_usage.cache_read.input_tokens': 40,
    }
    await send(to, [{ id: 1, attributes }])
    expect(to.kept).toMatchObject([
      { agent_name: 'agent-7', model_name: 'gpt-4o', attempt_id: 'call-1', input_tokens: 60, cache_read_tokens: 40 },
    ])
  })
})

describe('a run whose span never has an error', () => {
  const failed = { status: { code: 2 }, endTimeUnixNano: '1769860800900000000' }
  const early = { endTimeUnixNano: '1769860800100000000' }
  const refused = (id: number, more: object = failed): SpanOf =>
    chat(id, 1, 'm', { attributes: { 'error.type': 'refused' }, fields: { ...failed, ...more } })
  const outcomeOf = async (spans: readonly SpanOf[], isRolledUp = true): Promise<readonly unknown[]> => {
    const to = await receiver({ mapping: mergeMapping({ invoke_agent: { roll_up_failure: isRolledUp } }) })
    for (const encoding of ['json', 'protobuf'] as const)
      await send(to, encoding === 'json' ? spans : spans.map(span => ({ ...span, trace: 2 })), encoding)
    const [json, protobuf] = to.kept.map(({ success, error_type }) => [success, error_type] as const)
    expect(protobuf).toEqual(json)
    return json!
  }

  test('fails with the model call below it that ended last, in any order of the spans', async () => {
    const answered = chat(2, 1, 'm', { fields: early })
    expect(await outcomeOf([answered, refused(3), run(1, 'fixer')])).toEqual([false, 'refused'])
    expect(await outcomeOf([refused(3), answered, run(1, 'fixer')])).toEqual([false, 'refused'])
  })

  test('succeeds where a later call was answered, and unless the rule rolls failures up', async () => {
    expect(await outcomeOf([refused(3, early), chat(2, 1), run(1, 'fixer')])).toEqual([true, undefined])
    expect(await outcomeOf([refused(3), run(1, 'fixer')], false)).toEqual([true, undefined])
  })

  test('keeps the error that it states', async () => {
    const own = run(1, 'fixer', undefined, { attributes: { 'error.type': 'own' } })
    expect(await outcomeOf([refused(3), own])).toEqual([false, 'own'])
  })
})

describe('the memory of traces', () => {
  const extract = (memory: ReturnType<typeof createTraceMemory>, spans: readonly SpanOf[], nowMs = 0): number =>
    extractSpans(requestOf(spans) as TracesRequest, DEFAULT_MAPPING, memory, nowMs).attempts.length

  test('forgets the trace that was silent for the longest time beyond its number of spans', () => {
    const memory = createTraceMemory(4)
    const inner = (trace: number): SpanOf => run(2, 'fixer', 1, { trace })
    const outer = (trace: number): SpanOf => run(1, 'fixer', undefined, { trace })
    // Each inner span brings the node of its parent.
    expect([1, 2, 3].map(trace => extract(memory, [inner(trace)]))).toEqual([1, 1, 1])
    expect([extract(memory, [outer(3)]), extract(memory, [outer(2)]), extract(memory, [outer(1)])]).toEqual([0, 0, 1])
  })

  test('forgets a trace that was silent for an hour', () => {
    const memory = createTraceMemory()
    extract(memory, [run(2, 'fixer', 1)], 0)
    extract(memory, [run(9, 'other', undefined, { trace: 2 })], MAX_AGE_MS)
    expect(extract(memory, [run(1, 'fixer')], MAX_AGE_MS)).toBe(0)
    extract(memory, [run(9, 'other', undefined, { trace: 2 })], 3 * MAX_AGE_MS)
    expect(extract(memory, [run(3, 'fixer', 2)], 3 * MAX_AGE_MS)).toBe(1)
  })

  test('holds a request that is larger than its limit while it is read', () => {
    const memory = createTraceMemory(2)
    expect(extract(memory, [run(5, 'a', 4), { id: 4, parent: 3 }, { id: 3, parent: 2 }, run(2, 'a')])).toBe(1)
  })

  test('is not led astray by spans that are their own ancestors', () => {
    const memory = createTraceMemory()
    expect(extract(memory, [run(1, 'a', 2), run(2, 'b', 1), run(3, 'c', 3), chat(4, 5), chat(5, 4)])).toBe(3)
  })
})
