import { once } from 'node:events'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { StoreUnavailable } from '../../../src/core/ports.ts'
import { openReceiver, post, type Receiver, type ReceiverOptions } from './receiver.ts'
import { capture, logRecords, sendLogs, sendSpans, spans } from './telemetry.ts'

const good = { agent_name: 'a', model_name: 'm', issue_type: 'i', success: true, time_seconds: 1 }

async function receiver(options?: ReceiverOptions): Promise<Receiver> {
  const opened = await openReceiver(options)
  onTestFinished(opened.close)
  return opened
}

async function bodyOf(attempts: readonly Record<string, string | number | boolean>[]): Promise<Buffer> {
  return (await capture(url => sendLogs(url, 'protobuf', logRecords(attempts)))).body
}

/** The fields of a message that holds integers, strings and messages; a message stays bytes. */
function fieldsOf(bytes: Uint8Array): Record<number, unknown> {
  const reader = new BinaryReader(bytes)
  const fields: Record<number, unknown> = {}
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    fields[number] = wireType === 0 ? Number(reader.int64()) : reader.bytes()
  }
  return fields
}

describe('success', () => {
  test('is no bytes at all in protobuf and {} in JSON, each under its own type', async () => {
    const to = await receiver()
    const protobuf = await post(to, 'logs', await bodyOf([good]))
    expect([protobuf.status, protobuf.headers.get('content-type')]).toEqual([200, 'application/x-protobuf'])
    expect(protobuf.bytes).toHaveLength(0)
    const json = await post(to, 'traces', '{"resourceSpans":[]}', { 'content-type': 'Application/JSON; charset=UTF-8' })
    expect([json.status, json.headers.get('content-type')]).toEqual([200, 'application/json'])
    expect(json.bytes.toString()).toBe('{}')
  })

  test.each(['', '{}', '{"resourceLogs":null}', '{"resourceLogs":[{}]}', '{"resourceLogs":[{"scopeLogs":[{}]}]}'])(
    'is the answer to a request without telemetry: %s',
    async body => {
      const to = await receiver()
      for (const signal of ['logs', 'traces', 'metrics']) {
        expect(await post(to, signal, body)).toMatchObject({ status: 200, bytes: Buffer.from('{}') })
        expect(await post(to, signal, new Uint8Array())).toMatchObject({ status: 200, bytes: Buffer.alloc(0) })
      }
    },
  )

  test('is sent only after the attempts are durable', async () => {
    let keep = (): void => {}
    const to = await receiver({ beforeKeep: () => new Promise(resolve => (keep = resolve)) })
    let answered = false
    const answer = post(to, 'logs', await bodyOf([good])).finally(() => (answered = true))
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(answered).toBe(false)
    keep()
    expect((await answer).status).toBe(200)
    expect(to.kept).toHaveLength(1)
  })
})

describe('partial success', () => {
  test('states the number of rejected records and the reasons, in protobuf', async () => {
    const to = await receiver()
    const answer = await post(to, 'logs', await bodyOf([{ ...good, confidence: 2 }, good]))
    expect(answer.status).toBe(200)
    const partial = fieldsOf(fieldsOf(answer.bytes)[1] as Buffer)
    expect(partial[1]).toBe(1)
    expect(String(partial[2])).toContain('logRecords[0]: confidence must be from 0 to 1, not 2')
  })

  test('states the rejected spans in JSON', async () => {
    const to = await receiver()
    const bad = spans([{ attributes: { 'gen_ai.operation.name': 'invoke_agent' } }])
    const { body } = await capture(url => sendSpans(url, 'json', bad))
    const answer = await post(to, 'traces', body.toString())
    expect(JSON.parse(answer.bytes.toString())).toEqual({
      partialSuccess: { rejectedSpans: '1', errorMessage: expect.stringContaining('agent_name is required') },
    })
  })

  test('stays small for any number of rejected records and any length of their names', async () => {
    const to = await receiver()
    const answer = await post(to, 'logs', await bodyOf(Array(2000).fill({ ['x'.repeat(3000)]: 1, success: 'no' })))
    expect(answer.bytes.length).toBeLessThan(8000)
    expect(fieldsOf(fieldsOf(answer.bytes)[1] as Buffer)[1]).toBe(2000)
    expect(answer.bytes.toString()).toContain('and 1995 more')
  })
})

describe('a refusal is a google.rpc.Status in the encoding of the request', () => {
  const cases: readonly (readonly [string, Uint8Array | string, Record<string, string>, number, number])[] = [
    ['bytes that are no protobuf', Buffer.from('nonsense'), {}, 400, 3],
    ['text that is no JSON', '{"resourceLogs":[', {}, 400, 3],
    ['JSON of another shape', '[]', {}, 400, 3],
    ['a body that is too large', 'x'.repeat(2001), {}, 413, 3],
    ['a body that is too large when inflated', gzipSync(Buffer.alloc(1 << 20)), { 'content-encoding': 'gzip' }, 413, 3],
    ['bytes that are not gzip', Buffer.from('nonsense'), { 'content-encoding': 'gzip' }, 400, 3],
    ['gzip cut short', gzipSync('{}').subarray(0, 15), { 'content-encoding': 'gzip' }, 400, 3],
    ['another encoding', '{}', { 'content-encoding': 'br' }, 415, 3],
    ['gzip twice', gzipSync(gzipSync('{}')), { 'content-encoding': 'gzip, gzip' }, 415, 3],
    ['another type', '{}', { 'content-type': 'text/plain' }, 415, 3],
    ['another charset', '{}', { 'content-type': 'application/json; charset=utf-16' }, 415, 3],
  ]
  test.each(cases)('%s', async (_, body, headers, status, code) => {
    const to = await receiver({ maxBodyBytes: 2000 })
    const answer = await post(to, 'logs', body, headers)
    expect(answer.status).toBe(status)
    if (answer.headers.get('content-type') === 'application/x-protobuf') {
      expect(typeof body === 'string').toBe(false)
      expect(fieldsOf(answer.bytes)).toEqual({ 1: code, 2: expect.anything() })
    } else {
      expect(typeof body === 'string').toBe(true)
      expect(JSON.parse(answer.bytes.toString())).toEqual({ code, message: expect.any(String) })
    }
    expect(to.kept).toEqual([])
  })

  test('that states when to retry, if a retry can succeed', async () => {
    const to = await receiver({
      beforeKeep() {
        throw new StoreUnavailable('the disk is full', { retryAfterSeconds: 2.5 })
      },
    })
    const answer = await post(to, 'logs', await bodyOf([good]))
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '3'])
    expect(fieldsOf(answer.bytes)).toEqual({ 1: 14, 2: Buffer.from('the disk is full') })
  })

  test('that asks for a retry when too much is in flight', async () => {
    const to = await receiver({ maxInFlightBytes: 10 })
    const answer = await post(to, 'logs', '{"resourceLogs":[]}')
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '1'])
    expect(JSON.parse(answer.bytes.toString())).toMatchObject({ code: 8 })
  })

  test('that names the path of an invalid value in JSON', async () => {
    const to = await receiver()
    const answer = await post(to, 'logs', '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"xyz"}]}]}]}')
    expect(answer.status).toBe(400)
    expect(answer.bytes.toString()).toContain('resourceLogs.0.scopeLogs.0.logRecords.0.traceId')
  })

  test('that a client can read while it is still sending, before the connection is cut', async () => {
    const to = await receiver({ maxBodyBytes: 1000 })
    const socket = connect(Number(new URL(to.url).port), '127.0.0.1')
    const length = 30 << 20
    socket.write(
      `POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`,
    )
    socket.write(Buffer.alloc(1 << 20))
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toContain('HTTP/1.1 413')
    expect(String(answer)).toContain('"code":3')
    await once(socket, 'close', { signal: AbortSignal.timeout(5000) })
  })
})

describe('a body', () => {
  test('is accepted up to the exact limit in bytes', async () => {
    const body = await bodyOf([good])
    const at = await receiver({ maxBodyBytes: body.length })
    const below = await receiver({ maxBodyBytes: body.length - 1 })
    for (const [gzipped, headers] of [
      [body, {}],
      [gzipSync(body), { 'content-encoding': 'gzip' }],
    ] as const) {
      expect((await post(at, 'logs', gzipped, headers)).status).toBe(200)
      expect((await post(below, 'logs', gzipped, headers)).status).toBe(413)
    }
    expect(at.kept).toHaveLength(2)
    expect(below.kept).toHaveLength(0)
  })

  test('that exceeds the limit when inflated costs little', async () => {
    const to = await receiver()
    const bomb = gzipSync(Buffer.alloc(300 << 20))
    const before = process.cpuUsage()
    expect((await post(to, 'logs', bomb, { 'content-encoding': 'gzip' })).status).toBe(413)
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000).toBeLessThan(1000)
  })

  test('of random bytes gets a documented status quickly, and no stack trace', async () => {
    const to = await receiver()
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map(text => text),
      fc.json().map(text => `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${text}]}]}]}`),
      fc.json().map(text => `{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":${text}}]}]}]}`),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('logs', 'traces', 'metrics'),
        body,
        fc.constantFrom<Record<string, string>>(
          {},
          { 'content-type': 'application/json' },
          { 'content-type': 'application/x-protobuf' },
          { 'content-encoding': 'gzip' },
          { 'content-encoding': 'x' },
        ),
        async (signal, bytes, headers) => {
          const answer = await post(to, signal, bytes, headers)
          expect([200, 400, 415]).toContain(answer.status)
          expect(answer.bytes.toString()).not.toMatch(/\n\s+at |\.ts:/)
        },
      ),
      { numRuns: 400 },
    )
    expect(to.kept).toEqual([])
  })
})
