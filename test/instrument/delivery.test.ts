import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type AttemptKeeper, createDelivery, createInstrumentation, type NewAttempt } from '../../src/index.ts'
import { addAll, ids, total, until } from './attempts.ts'

interface Keeper extends AttemptKeeper {
  readonly kept: readonly string[]
  readonly batches: readonly number[]
}

/** A tracker in this process. `before` may keep it from answering. */
function keeper(before: (call: number) => Promise<void> | void = () => {}): Keeper {
  const kept = new Set<string>()
  const batches: number[] = []
  return {
    get kept() {
      return [...kept]
    },
    batches,
    recordAttempts: async attempts => {
      batches.push(attempts.length)
      await before(batches.length)
      return keep(kept, attempts)
    },
  }
}

function keep(kept: Set<string>, attempts: readonly NewAttempt[]) {
  const before = kept.size
  for (const { attempt_id } of attempts) kept.add(attempt_id ?? 'no id')
  const accepted = kept.size - before
  return { accepted, duplicates: attempts.length - accepted, rejected: [] }
}

describe('delivery to a tracker in the same process', () => {
  it('delivers tracked attempts in the order in which they ended', async () => {
    const tracker = keeper()
    const { trackAttempt, deliverTo } = createInstrumentation()
    trackAttempt({ agent_name: 'A', model_name: 'm', issue_type: 'before' }, () => 'emitted only')
    const delivery = deliverTo(tracker)
    for (const issue_type of ['one', 'two', 'three'])
      trackAttempt({ agent_name: 'A', model_name: 'm', issue_type }, () => 1)
    expect(delivery.stats().queued).toBe(3)
    expect(await delivery.flush()).toBe(true)
    expect(tracker.kept).toHaveLength(3)
    expect(delivery.stats()).toMatchObject({ queued: 0, delivered: 3, duplicates: 0 })
  })

  it('needs no flush', async () => {
    const tracker = keeper()
    const delivery = createDelivery(tracker)
    addAll(delivery, ids(3))
    await until(() => delivery.stats().delivered === 3)
    addAll(delivery, ids(3, 3))
    await until(() => delivery.stats().delivered === 6)
    expect(tracker.kept).toEqual(ids(6))
  })

  it('sends batches of at most maxBatch, one at a time', async () => {
    let underWay = 0
    let most = 0
    const tracker = keeper(async () => {
      most = Math.max(most, ++underWay)
      await new Promise(resolve => setTimeout(resolve, 1))
      underWay--
    })
    const delivery = createDelivery(tracker, { maxBatch: 10 })
    addAll(delivery, ids(35))
    expect(await delivery.flush()).toBe(true)
    expect(tracker.batches).toEqual([10, 10, 10, 5])
    expect(tracker.kept).toEqual(ids(35))
    expect(most).toBe(1)
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('disk full')
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
    [
      'reports that it may have recorded nothing',
      async () => ({ accepted: 2, duplicates: 0, rejected: [], error: new Error('disk full') }),
    ],
    ['answers nothing', async () => undefined],
    ['answers for fewer than it was given', async () => ({ accepted: 1, duplicates: 0, rejected: [] })],
    ['answers with numbers that are none', async () => ({ accepted: '2', duplicates: 0, rejected: [] })],
    ['does not answer in time', () => new Promise(() => {})],
  ])('receives the same attempts again if it %s', async (_, misbehave) => {
    const good = keeper()
    let calls = 0
    const delivery = createDelivery(
      { recordAttempts: attempts => (calls++ === 0 ? (misbehave() as never) : good.recordAttempts(attempts)) },
      { timeoutMs: 50 },
    )
    addAll(delivery, ['a', 'b'])
    expect(await delivery.flush(5_000)).toBe(true)
    expect(calls).toBe(2)
    expect(good.kept).toEqual(['a', 'b'])
    expect(delivery.stats()).toMatchObject({
      delivered: 2,
      duplicates: 0,
      dropped: { rejected: 0 },
      last_failure: expect.any(String),
    })
  })

  it('counts rejected attempts with the reason, and delivers the others', async () => {
    const rejected = [{ index: 1, errors: [{ pointer: '/agent_name', detail: 'too odd' }] }]
    const delivery = createDelivery({ recordAttempts: async () => ({ accepted: 1, duplicates: 1, rejected }) })
    addAll(delivery, ids(3))
    expect(await delivery.flush()).toBe(true)
    expect(delivery.stats()).toMatchObject({ delivered: 1, duplicates: 1, dropped: { rejected: 1 } })
    expect(delivery.stats().last_failure).toContain('too odd')
  })
})

describe('the bound', () => {
  it('drops and counts the newest attempts if the queue is full', async () => {
    const gate = Promise.withResolvers<void>()
    const tracker = keeper(() => gate.promise)
    const delivery = createDelivery(tracker, { maxQueued: 10, maxBatch: 4 })
    addAll(delivery, ids(15))
    expect(delivery.stats()).toMatchObject({ queued: 10, dropped: { queue_full: 5 } })
    gate.resolve()
    expect(await delivery.flush()).toBe(true)
    expect(tracker.kept).toEqual(ids(10))
    addAll(delivery, ['later'])
    expect(await delivery.flush()).toBe(true)
    expect(tracker.kept).toEqual([...ids(10), 'later'])
  })

  it('counts attempts in flight too', async () => {
    const gate = Promise.withResolvers<void>()
    const tracker = keeper(() => gate.promise)
    const delivery = createDelivery(tracker, { maxQueued: 10, maxBatch: 10 })
    addAll(delivery, ids(10))
    const flushed = delivery.flush()
    await until(() => tracker.batches.length === 1)
    addAll(delivery, ids(5, 10))
    expect(delivery.stats()).toMatchObject({ queued: 10, dropped: { queue_full: 5 } })
    gate.resolve()
    expect(await flushed).toBe(true)
  })
})

describe('flush', () => {
  it('is true at once if nothing is queued', async () => {
    expect(await createDelivery(keeper()).flush(0)).toBe(true)
  })

  it('is false after its timeout, and queued attempts stay', async () => {
    const gate = Promise.withResolvers<void>()
    const tracker = keeper(() => gate.promise)
    const delivery = createDelivery(tracker)
    addAll(delivery, ids(3))
    expect(await delivery.flush(20)).toBe(false)
    expect(delivery.stats().queued).toBe(3)
    gate.resolve()
    expect(await delivery.flush()).toBe(true)
    expect(tracker.kept).toEqual(ids(3))
  })

  it('waits for attempts queued before the call, not for later ones', async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const tracker = keeper(call => gates[call - 1]?.promise)
    const delivery = createDelivery(tracker)
    addAll(delivery, ids(2))
    const flushed = delivery.flush()
    await until(() => tracker.batches.length === 1)
    addAll(delivery, ids(2, 2))
    const flushedLater = delivery.flush()
    gates[0]?.resolve()
    expect(await flushed).toBe(true)
    expect(delivery.stats()).toMatchObject({ queued: 2, delivered: 2 })
    gates[1]?.resolve()
    expect(await flushedLater).toBe(true)
    expect(delivery.stats()).toMatchObject({ queued: 0, delivered: 4 })
  })

  it('is true if the queued attempts are dropped', async () => {
    const rejected = [{ index: 0, errors: [] }]
    const delivery = createDelivery({ recordAttempts: async () => ({ accepted: 0, duplicates: 0, rejected }) })
    addAll(delivery, ['bad'])
    expect(await delivery.flush()).toBe(true)
  })

  it('does not wait for more attempts', async () => {
    const delivery = createDelivery(keeper())
    addAll(delivery, ids(1))
    expect(await delivery.flush(60)).toBe(true)
  })

  it('ends a backoff early', async () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(1)
    onTestFinished(() => random.mockRestore())
    const tracker = keeper(call => {
      if (call <= 2) throw new Error('down')
    })
    const delivery = createDelivery(tracker)
    addAll(delivery, ids(1))
    await until(() => tracker.batches.length === 2)
    // The backoff is a whole second now.
    await new Promise(resolve => setImmediate(resolve))
    expect(await delivery.flush(500)).toBe(true)
  })
})

describe('close', () => {
  it('delivers what is queued, and refuses and counts later attempts', async () => {
    const tracker = keeper()
    const delivery = createDelivery(tracker)
    addAll(delivery, ids(3))
    const closed = delivery.close()
    addAll(delivery, ['late'])
    expect(await closed).toBe(true)
    addAll(delivery, ['later'])
    expect(tracker.kept).toEqual(ids(3))
    expect(delivery.stats()).toMatchObject({ queued: 0, delivered: 3, dropped: { closed: 2 } })
  })

  it('ends after its timeout, and counts undelivered attempts', async () => {
    const delivery = createDelivery({ recordAttempts: () => new Promise(() => {}) })
    addAll(delivery, ids(3))
    expect(await delivery.close(20)).toBe(false)
    expect(delivery.stats()).toMatchObject({ queued: 0, delivered: 0, dropped: { closed: 3 } })
  })

  it('ends during a backoff', async () => {
    const delivery = createDelivery({ recordAttempts: () => Promise.reject(new Error('down')) })
    addAll(delivery, ids(3))
    await until(() => delivery.stats().last_failure !== undefined)
    expect(await delivery.close(1)).toBe(false)
    expect(total(delivery.stats())).toBe(3)
  })

  it('may be called twice', async () => {
    const delivery = createDelivery(keeper())
    addAll(delivery, ids(1))
    expect(await Promise.all([delivery.close(), delivery.close()])).toEqual([true, true])
  })
})

describe('the options', () => {
  it.each<[string, () => unknown]>([
    ['no URL', () => createDelivery('localhost 9464')],
    ['another protocol', () => createDelivery('ftp://127.0.0.1')],
    ['a token with a line break', () => createDelivery('http://127.0.0.1', { token: 'a\r\nx: y' })],
    ['no room', () => createDelivery('http://127.0.0.1', { maxQueued: 0 })],
    ['half an attempt', () => createDelivery('http://127.0.0.1', { maxBatch: 1.5 })],
    [
      'a timeout that exceeds the maximum of timers',
      () => createDelivery('http://127.0.0.1', { timeoutMs: Number.POSITIVE_INFINITY }),
    ],
  ])('that are invalid throw at once: %s', (_, create) => {
    expect(create).toThrow(TypeError)
  })
})

describe('laws', () => {
  it('delivers every attempt once and in order, and counts each, for any failing calls', async () => {
    const faults = fc.array(fc.constantFrom('good', 'down', 'lost answer', 'nonsense', 'throws'), { maxLength: 8 })
    const plan = fc.record({
      faults,
      count: fc.integer({ min: 0, max: 60 }),
      maxBatch: fc.integer({ min: 1, max: 20 }),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ faults, count, maxBatch }) => {
        const kept = new Set<string>()
        const script = [...faults]
        const delivery = createDelivery(
          {
            recordAttempts: async attempts => {
              const fault = script.shift() ?? 'good'
              if (fault === 'down') throw new Error('down')
              if (fault === 'nonsense') return 'what?' as never
              const receipt = keep(kept, attempts)
              if (fault === 'lost answer') throw new Error('socket hang up')
              return receipt
            },
          },
          { maxBatch },
        )
        addAll(delivery, ids(count))
        while (!(await delivery.flush(5))) expect(total(delivery.stats())).toBe(count)
        expect([...kept]).toEqual(ids(count))
        const { delivered, duplicates } = delivery.stats()
        expect(delivered + duplicates).toBe(count)
      }),
      { numRuns: 50 },
    )
  })
})
