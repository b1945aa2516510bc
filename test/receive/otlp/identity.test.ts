import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openReceiver, post, type Receiver } from './receiver.ts'
import { attributesOf } from './spans.ts'
import { encodeJson, REQUESTS } from './wire.ts'

const GOOD = { agent_name: 'a', model_name: 'm', issue_type: 'i', success: true, time_seconds: 1 }

async function receiver(): Promise<Receiver> {
  const to = await openReceiver()
  onTestFinished(to.close)
  return to
}

const record = (more: object = {}, attributes: object[] = []): Record<string, unknown> => ({
  timeUnixNano: '1769860800123456789',
  eventName: 'agent.attempt',
  attributes: [...attributesOf(GOOD), ...attributes],
  ...more,
})

async function send(
  to: Receiver,
  logRecords: readonly object[],
  encoding: 'json' | 'protobuf' = 'json',
  service = 's',
): Promise<void> {
  const resource = { attributes: attributesOf({ 'service.name': service }) }
  const json = { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] }
  const body = encoding === 'json' ? JSON.stringify(json) : encodeJson(REQUESTS.logs, json)
  expect((await post(to, 'logs', body)).status).toBe(200)
}

describe('a log record without an id', () => {
  const span = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
  const other = record({ timeUnixNano: '1769860800123456790' })

  test.each([
    ['outside of a span', {}],
    ['inside a span', span],
    ['with the time of its observation only', { timeUnixNano: '0', observedTimeUnixNano: '1769860800123456789' }],
  ])('counts once when it is sent again, in any batch and encoding: %s', async (_, more) => {
    const to = await receiver()
    for (const encoding of ['json', 'protobuf'] as const) {
      await send(to, [record(more)], encoding)
      await send(to, [other, record(more)], encoding)
    }
    expect(to.counts).toMatchObject({ accepted: 2, duplicates: 4 })
  })

  test('that is equal to another to the last bit is one with it', async () => {
    const to = await receiver()
    await send(to, [record(), record()])
    expect(to.counts).toMatchObject({ accepted: 1, duplicates: 1 })
  })

  const map = (value: string): object => ({ kvlistValue: { values: attributesOf({ k: value }) } })
  test.each([
    ['time', record({ timeUnixNano: '1769860800123456788' })],
    ['observed time', record({ observedTimeUnixNano: '1' })],
    ['span', record(span)],
    ['body', record({ body: { stringValue: 'x' } })],
    ['attribute', record({}, attributesOf({ x: 1 }))],
    ['contents of a map', record({}, [{ key: 'map', value: map('a') }])],
    ['other contents of a map', record({}, [{ key: 'map', value: map('b') }])],
    ['type of a value', record({}, attributesOf({ x: '1' }))],
  ])('is another one with another %s', async (_, changed) => {
    const to = await receiver()
    const all = [record(), record({}, [{ key: 'map', value: map('c') }]), changed]
    await send(to, all)
    await send(to, all, 'protobuf')
    expect(to.counts).toMatchObject({ accepted: 3, duplicates: 3 })
  })

  test('is another one from another sender', async () => {
    const to = await receiver()
    await send(to, [record()])
    await send(to, [record()], 'protobuf', 'other')
    expect(to.counts).toMatchObject({ accepted: 2 })
  })

  test('has no identity without a time, because then equal records are likely to be different ones', async () => {
    const to = await receiver()
    await send(to, [record({ timeUnixNano: '0' })])
    await send(to, [record({ timeUnixNano: '0' })], 'protobuf')
    expect(to.counts).toMatchObject({ accepted: 2, duplicates: 0 })
  })

  test('has the same identity in both encodings, for values of every kind', async () => {
    const scalar = fc.oneof(
      fc.string({ maxLength: 5 }).map(stringValue => ({ stringValue })),
      fc.boolean().map(boolValue => ({ boolValue })),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(of => ({ intValue: String(of) })),
      fc
        .double({ noNaN: true, noDefaultInfinity: true })
        .map(doubleValue => ({ doubleValue: doubleValue === 0 ? 0 : doubleValue })),
      fc.constant({ bytesValue: 'AQI=' }),
    )
    const value = fc.oneof(
      scalar,
      fc.array(scalar, { maxLength: 3 }).map(values => ({ arrayValue: { values } })),
      fc
        .array(scalar, { maxLength: 3 })
        .map(all => ({ kvlistValue: { values: all.map(one => ({ key: 'k', value: one })) } })),
    )
    const records = fc
      .sample(value, { numRuns: 200, seed: 7 })
      .map(of => record({ body: of }, [{ key: 'x', value: of }]))
    const to = await receiver()
    await send(to, records)
    const { accepted } = to.counts
    await send(to, records, 'protobuf')
    expect(to.counts.accepted).toBe(accepted)
    expect(accepted).toBeGreaterThan(100)
  })
})
