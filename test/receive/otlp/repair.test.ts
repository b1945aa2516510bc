import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { NewAttempt } from '../../../src/core/attempt/attempt.ts'
import { repairStatement } from '../../../src/receive/otlp/repair.ts'
import { readStated } from '../../../src/receive/read-attempt.ts'
import { openReceiver, type Receiver } from './receiver.ts'
import { run, send } from './spans.ts'

const ERROR = { status: { code: 2 } }

async function take(more: Parameters<typeof run>[3], encoding: 'json' | 'protobuf' = 'json'): Promise<Receiver> {
  const to = await openReceiver()
  onTestFinished(to.close)
  await send(to, [run(1, 'fixer', undefined, more), run(2, 'other')], encoding)
  expect(to.counts).toMatchObject({ accepted: 2, rejected: 0 })
  return to
}

describe('a value that cannot be used loses no attempt', () => {
  const long = 'é'.repeat(150)
  test.each([
    ['an error type of 300 bytes', { 'error.type': long }, { success: false, error_type: 'é'.repeat(128) }, 'cut'],
    ['an error type with a line feed', { 'error.type': 'Boom\nat x' }, { success: false, error_type: 'Boom' }, 'cut'],
    ['an error type with a control character', { 'error.type': 'a\tb' }, { error_type: 'a b' }, 'cut'],
    ['tokens that are no number', { 'gen_ai.usage.input_tokens': Number.NaN }, { input_tokens: undefined }, 'dropped'],
    ['negative tokens', { 'gen_ai.usage.input_tokens': -1 }, { input_tokens: undefined }, 'dropped'],
    ['tokens "None"', { 'gen_ai.usage.output_tokens': 'None' }, { output_tokens: undefined }, 'dropped'],
    ['a list of tokens', { 'gen_ai.usage.output_tokens': ['1'] }, { output_tokens: undefined }, 'dropped'],
    ['half a token', { 'gen_ai.usage.output_tokens': 1.5 }, { output_tokens: 2 }, 'clamped'],
    ['a confidence in percent', { 'agent.attempt.confidence': 95 }, { confidence: undefined }, 'dropped'],
    ['a variant without an experiment', { 'agent.attempt.variant': 'b' }, { variant: undefined }, 'dropped'],
    ['a task that is too long', { 'agent.attempt.task_id': 'x'.repeat(300) }, { task_id: undefined }, 'dropped'],
    ['a session that is too long', { 'session.id': 'x'.repeat(300) }, { session_id: 'x'.repeat(256) }, 'cut'],
    ['a model that is too long', { 'gen_ai.request.model': 'x'.repeat(300) }, { model_name: 'unknown' }, 'defaulted'],
    ['a type of issue that is a list', { 'agent.attempt.issue_type': ['x'] }, { issue_type: 'unknown' }, 'defaulted'],
  ])('%s', async (_, attributes, expected, repair) => {
    for (const encoding of ['json', 'protobuf'] as const) {
      const to = await take({ fields: ERROR, attributes }, encoding)
      expect(to.kept[0]).toMatchObject({ agent_name: 'fixer', success: false })
      for (const [field, value] of Object.entries(expected)) {
        expect(to.kept[0]![field as keyof NewAttempt]).toEqual(value)
      }
      expect(to.reasons).toEqual({ [repair]: 1 })
    }
  })

  test('an end before its start, and a start that is missing', async () => {
    const early = await take({ fields: { endTimeUnixNano: '1769860799999700000' } })
    expect([early.kept[0]!.time_seconds, early.reasons]).toEqual([0, { clamped: 1 }])
    const startless = await take({ fields: { startTimeUnixNano: '0' } })
    expect([startless.kept[0]!.time_seconds, startless.reasons]).toEqual([0, { defaulted: 1 }])
  })

  test('an id that is too long, which stays an identity of its own', async () => {
    const ids = await Promise.all(
      ['a', 'b'].map(async last => {
        const { kept, reasons } = await take({ attributes: { 'agent.attempt.id': 'x'.repeat(200) + last } })
        expect(reasons).toEqual({ cut: 1 })
        return kept[0]!.attempt_id
      }),
    )
    expect(new Set(ids).size).toBe(2)
  })
})

test('repairs every statement with an agent and an outcome to a valid attempt', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.double(),
    fc.boolean(),
    fc.constantFrom(null, [], {}, '', -1, 1e300, 'x\ny', '\ud800', '2026-01-31T12:00:00Z', 'é'.repeat(200)),
  )
  const fields = [
    'model_name',
    'issue_type',
    'confidence',
    'time_seconds',
    'timestamp',
    'attempt_id',
    'error_type',
  ] as const
  const more = ['experiment', 'variant', 'task_id', 'session_id', 'trace_id', 'input_tokens', 'cost_usd'] as const
  const statement = fc.record(Object.fromEntries([...fields, ...more].map(name => [name, value])), { requiredKeys: [] })
  const law = fc.property(statement, stated => {
    const { stated: repaired } = repairStatement({ ...stated, agent_name: 'a', success: false })
    const read = readStated(repaired)
    expect(read.problems).toBeUndefined()
    expect(repairStatement(repaired)).toEqual({ stated: repaired, repairs: [] })
  })
  fc.assert(law, { numRuns: 1000 })
})
