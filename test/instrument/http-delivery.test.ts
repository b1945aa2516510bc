import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createClient, createDelivery, createInstrumentation, type Problem } from '../../src/index.ts'
import { addAll, attempt, ids, total, until } from './attempts.ts'
import {
  type Answer,
  type FakeSidecar,
  halfABody,
  json,
  keptBut,
  openFakeSidecar,
  reset,
  silent,
} from './fake-sidecar.ts'

async function sidecar(port?: number): Promise<FakeSidecar> {
  const opened = await openFakeSidecar(port)
  onTestFinished(() => opened.close())
  return opened
}

describe('delivery to a sidecar', () => {
  it('posts JSON arrays to the recording path, with the token', async () => {
    const { url, received, kept } = await sidecar()
    const delivery = createDelivery(url, { token: 'secret', maxBatch: 2 })
    addAll(delivery, ids(3))
    expect(await delivery.close()).toBe(true)
    expect(received.map(({ path }) => path)).toEqual(Array(2).fill('/api/v1/attempts?partial=true'))
    expect(received[0]?.headers).toMatchObject({ 'content-type': 'application/json', authorization: 'Bearer secret' })
    expect(received[0]?.attempts).toEqual([attempt(0), attempt(1)])
    expect(kept()).toEqual(ids(3))
    expect(delivery.stats()).toMatchObject({ delivered: 3, last_failure: undefined })
  })

  it('keeps the path that a proxy put before the sidecar', async () => {
    const { url, received } = await sidecar()
    const delivery = createDelivery(`${url}/agents`)
    addAll(delivery, ids(1))
    expect(await delivery.close()).toBe(true)
    expect(received[0]?.path).toBe('/agents/api/v1/attempts?partial=true')
  })

  it('delivers all fields of a tracked attempt to the sidecar', async () => {
    const { url, received } = await sidecar()
    const { trackAttempt, deliverTo } = createInstrumentation()
    const delivery = deliverTo(url)
    await trackAttempt(
      { agent_name: '修复者', model_name: 'llama3:8b', issue_type: 'bug "x"', experiment: 'e', variant: 'v' },
      async () => ({ success: true, confidence: 0.75 }),
      () => ({ input_tokens: 5, cost_usd: 0.01 }),
    )
    expect(await delivery.close()).toBe(true)
    expect(received[0]?.attempts).toEqual([
      {
        agent_name: '修复者',
        model_name: 'llama3:8b',
        issue_type: 'bug "x"',
        experiment: 'e',
        variant: 'v',
        success: true,
        confidence: 0.75,
        input_tokens: 5,
        cost_usd: 0.01,
        time_seconds: expect.any(Number),
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
        attempt_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    ])
  })
})

describe('a sidecar that is down', () => {
  it('does not affect the work, and receives everything in order once it is up', async () => {
    const first = await sidecar()
    await first.close()
    const { trackAttempt, deliverTo } = createInstrumentation()
    const delivery = deliverTo(first.url)
    const labels = { agent_name: 'A', model_name: 'm', issue_type: 'i' }
    for (let i = 0; i < 20; i++) expect(trackAttempt(labels, () => i)).toBe(i)
    await until(() => delivery.stats().last_failure !== undefined)
    expect(delivery.stats()).toMatchObject({ queued: 20, last_failure: expect.stringContaining('ECONNREFUSED') })
    const second = await sidecar(first.port)
    expect(await delivery.flush(10_000)).toBe(true)
    expect(second.kept()).toHaveLength(20)
    expect(second.received.flatMap(({ attempts }) => attempts.map(one => one.attempt_id))).toEqual(second.kept())
    expect(delivery.stats()).toMatchObject({ delivered: 20, duplicates: 0 })
  })
})

/** A valid answer that is too long to read. */
const WORDY = JSON.stringify({ accepted: 3, duplicates: 0 }) + ' '.repeat(2_000_000)

describe('retries until the attempts are recorded', () => {
  const faults: [what: string, fault: Answer][] = [
    ['a reset before it is kept', reset],
    ['half a body after it is kept', keptBut(halfABody)],
    ['a reset after it is kept', keptBut(reset)],
    ['a silence after it is kept', keptBut(silent)],
    ['a body that never ends', keptBut(response => response.writeHead(200).write('{"acc'))],
    [
      'an HTML page after the batch is recorded',
      keptBut(response => response.writeHead(200).end('<html>Please log in</html>')),
    ],
    ['an empty 200', response => response.writeHead(200).end()],
    ['a 204', response => response.writeHead(204).end()],
    ['a redirect', response => response.writeHead(302, { location: 'http://127.0.0.1:9/login' }).end()],
    ['an answer for fewer than were sent', json(200, { accepted: 1, duplicates: 0 })],
    ['an answer with negative counts', json(200, { accepted: 4, duplicates: -1 })],
    ['an answer of two megabytes', keptBut(response => response.writeHead(200).end(WORDY))],
    ...[401, 403, 404, 405, 408, 415, 421, 425, 429, 501, 502, 503, 504].map((status): [string, Answer] => [
      `a ${status}`,
      json(status, { status }),
    ]),
    ['a Retry-After that is none', json(503, {}, { 'retry-after': 'soon' })],
    ['a Retry-After in the past', json(503, {}, { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' })],
  ]
  it.each(faults)('%s: every id is recorded once, in order', async (_, fault) => {
    const { url, kept, received, next } = await sidecar()
    next(fault, fault)
    const delivery = createDelivery(url, { timeoutMs: 500, onProblem: () => {} })
    addAll(delivery, ids(3))
    // Repeated flushes end the backoffs early, so that the test is fast.
    while (!(await delivery.flush(30))) expect(total(delivery.stats())).toBe(3)
    expect(received.map(({ attempts }) => attempts.map(one => one.attempt_id).join())).toEqual(Array(3).fill('0,1,2'))
    expect(kept()).toEqual(ids(3))
    const { delivered, duplicates, dropped, last_failure } = delivery.stats()
    expect(delivered + duplicates).toBe(3)
    expect(dropped).toEqual({ queue_full: 0, rejected: 0, closed: 0 })
    expect(last_failure).toBeTypeOf('string')
  })

  it.each([
    ['in seconds', () => '1'],
    // A date has whole seconds. One of the three is for a busy machine.
    ['as a date', () => new Date(Date.now() + 3_000).toUTCString()],
  ])('not before the time of a Retry-After, %s', async (_, header) => {
    const { url, received, next } = await sidecar()
    next(json(503, {}, { 'retry-after': header() }))
    const delivery = createDelivery(url)
    addAll(delivery, ids(1))
    await until(() => received.length === 1)
    expect(await delivery.flush(10)).toBe(false)
    expect(await delivery.flush(10_000)).toBe(true)
    expect((received[1]?.atMs ?? 0) - (received[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(950)
  })
})

describe('drops and counts', () => {
  it('attempts that a 400 names, and delivers the others of the batch', async () => {
    const { url, kept, next } = await sidecar()
    const errors = [
      { index: 1, pointer: '/agent_name', detail: 'too odd' },
      { index: 1, pointer: '/time_seconds', detail: 'negative' },
      { index: 3, pointer: '/success', detail: 'missing' },
    ]
    next(json(400, { title: 'Invalid', errors }))
    const onRejected = vi.fn()
    const delivery = createDelivery(url, { onRejected, onProblem: () => {} })
    addAll(delivery, ids(4))
    expect(await delivery.flush()).toBe(true)
    expect(kept()).toEqual(['0', '2'])
    expect(delivery.stats()).toMatchObject({ delivered: 2, dropped: { rejected: 2 } })
    expect(onRejected.mock.calls).toEqual([
      [
        [
          {
            attempt: attempt(1),
            errors: [
              { pointer: '/agent_name', detail: 'too odd' },
              { pointer: '/time_seconds', detail: 'negative' },
            ],
          },
          { attempt: attempt(3), errors: [{ pointer: '/success', detail: 'missing' }] },
        ],
      ],
    ])
  })

  it('single attempts that the sidecar rejects', async () => {
    const { url, next } = await sidecar()
    next(json(200, { accepted: 2, duplicates: 0, rejected: [{ index: 1, errors: [] }] }))
    const delivery = createDelivery(url)
    addAll(delivery, ids(3))
    expect(await delivery.flush()).toBe(true)
    expect(delivery.stats()).toMatchObject({ delivered: 2, dropped: { rejected: 1 } })
  })

  it.each([1, 3])('an attempt that cannot be serialized, but not the others of a batch of %i', async maxBatch => {
    const { url, kept } = await sidecar()
    const delivery = createDelivery(url, { maxBatch })
    delivery.add({ ...attempt('bad'), input_tokens: 1n } as never)
    addAll(delivery, ids(2))
    expect(await delivery.flush()).toBe(true)
    expect(kept()).toEqual(ids(2))
    expect(delivery.stats()).toMatchObject({ delivered: 2, dropped: { rejected: 1 } })
  })

  it('an attempt that is too large by itself: a batch is split until only that one is left', async () => {
    const { url, kept, received, always } = await sidecar()
    const tooLarge: Answer = (response, keep, received) => {
      const isTooLarge = received.attempts.length > 3 || received.attempts.some(one => one.attempt_id === '5')
      const answer = isTooLarge ? json(413, {}) : json(200, keep())
      answer(response, keep, received)
    }
    always(tooLarge)
    const delivery = createDelivery(url, { maxBatch: 16 })
    addAll(delivery, ids(16))
    expect(await delivery.flush()).toBe(true)
    expect(kept()).toEqual(ids(16).filter(id => id !== '5'))
    expect(received.slice(0, 4).map(({ attempts }) => attempts.length)).toEqual([16, 8, 4, 2])
    expect(delivery.stats()).toMatchObject({ delivered: 15, dropped: { rejected: 1 } })
  })
})

describe('a target that refuses', () => {
  it.each([400, 422, 500])(
    'with %i because of one attempt: it is sent again and again, and blocks no other',
    async status => {
      const { url, kept, always } = await sidecar()
      always((response, keep, received) => {
        const isBad = received.attempts.some(one => one.attempt_id === '2')
        const answer = isBad ? json(status, { title: 'No' }) : json(200, keep())
        answer(response, keep, received)
      })
      const delivery = createDelivery(url, { onProblem: () => {} })
      addAll(delivery, ids(5))
      while (delivery.stats().delivered < 4) await delivery.flush(10)
      expect(kept().toSorted()).toEqual(['0', '1', '3', '4'])
      expect(await delivery.flush(10)).toBe(false)
      expect(delivery.stats()).toMatchObject({ queued: 1, dropped: { rejected: 0 } })
      always(json(200, { accepted: 1, duplicates: 0 }))
      expect(await delivery.flush()).toBe(true)
      expect(delivery.stats()).toMatchObject({ queued: 0, delivered: 5 })
    },
  )

  it.each([401, 403, 404, 405, 415, 421, 500, 501])(
    'with %i is said once, with the URL and the reason',
    async status => {
      const { url, always } = await sidecar()
      const said: Problem[] = []
      const { trackAttempt, deliverTo, configure } = createInstrumentation()
      configure({ onProblem: problem => said.push(problem) })
      const delivery = deliverTo(url)
      always(json(status, { title: 'No such thing' }))
      trackAttempt({ agent_name: 'A', model_name: 'm', issue_type: 'i' }, () => 1)
      while (delivery.stats().failures < 3) await delivery.flush(10)
      expect(said).toHaveLength(1)
      expect(said[0]?.source).toBe('delivery')
      expect(said[0]?.message).toContain(`${url} answered ${status}: {"title":"No such thing"}. 1 attempts wait`)
    },
  )
})

describe('the environment', () => {
  it('names the sidecar and the token', async () => {
    const { url, received } = await sidecar()
    vi.stubEnv('AGENT_PERFORMANCE_URL', url)
    vi.stubEnv('AGENT_PERFORMANCE_TOKEN', 'from-the-environment\n')
    onTestFinished(() => void vi.unstubAllEnvs())
    const { recordAttempt, deliverTo } = createInstrumentation()
    const delivery = deliverTo()
    recordAttempt(attempt(1))
    expect(await delivery.close()).toBe(true)
    const stated = deliverTo(url, { token: 'stated' })
    recordAttempt(attempt(2))
    expect(await stated.close()).toBe(true)
    await createClient()
      .report()
      .catch(() => undefined)
    expect(received.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer from-the-environment',
      'Bearer stated',
      'Bearer from-the-environment',
    ])
  })
})

describe('a sidecar that is silent', () => {
  it('never blocks the work, and at most one request is open at a time', async () => {
    const { url, received, always } = await sidecar()
    always(silent)
    const { trackAttempt, deliverTo } = createInstrumentation({ onProblem: () => {} })
    const delivery = deliverTo(url, { maxQueued: 50 })
    const started = performance.now()
    for (let i = 0; i < 1_000; i++) trackAttempt({ agent_name: 'A', model_name: 'm', issue_type: 'i' }, () => i)
    // A call that waited for the sidecar would never return.
    expect(performance.now() - started).toBeLessThan(5_000)
    void delivery.flush(1)
    await until(() => received.length === 1)
    expect(delivery.stats()).toMatchObject({ queued: 50, dropped: { queue_full: 950 } })
    expect(received).toHaveLength(1)
    expect(await delivery.close(50)).toBe(false)
    expect(total(delivery.stats())).toBe(1_000)
    expect(delivery.stats().dropped).toEqual({ queue_full: 950, rejected: 0, closed: 50 })
  })
})
