import { describe, expect, it } from 'vitest'
import type { NewAttempt } from '../../src/index.ts'
import { type Collecting, collecting } from './collecting.ts'
import { ENTRY, runNode } from './run-node.ts'
import { all, CHUNKS, ENDED_STREAMS, generate, readable } from './stream-kinds.ts'

const labels = { agent_name: 'Fixer', model_name: 'gpt', issue_type: 'bug' }

/** Waits until the attempt of `collected` has ended, and a moment in which another one could follow. */
async function onlyAttempt({ attempts }: Collecting): Promise<NewAttempt | undefined> {
  await expect.poll(() => attempts.length).toBeGreaterThan(0)
  await new Promise(resolve => setImmediate(resolve))
  expect(attempts).toHaveLength(1)
  return attempts[0]
}

describe('an attempt ends with its stream', () => {
  it.each(ENDED_STREAMS.map(ended => ({ name: `${ended.kind}: ${ended.ended}`, ...ended })))(
    '$name',
    async ({ open, read, recorded }) => {
      const collected = collecting()
      const opened = open()
      const returned = collected.instrumentation.trackAttempt(labels, () => opened)
      expect(returned).toBe(opened)
      await read(returned as never)
      const attempt = await onlyAttempt(collected)
      expect({ success: attempt?.success, ...(attempt?.error_type && { error_type: attempt.error_type }) }).toEqual(
        recorded,
      )
    },
  )

  it.each(
    ENDED_STREAMS.filter(({ recorded }) => recorded.error_type === 'aborted').map(
      one => [one.kind, one.ended, one] as const,
    ),
  )('and is left out by option if it is aborted: %s, %s', async (_kind, _ended, { open, read }) => {
    const { instrumentation, attempts } = collecting({ omit: ['aborted'] })
    await read(instrumentation.trackAttempt(labels, open) as never)
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(attempts).toEqual([])
  })

  it('and has the time until its last chunk, and the outcome that describe derives then', async () => {
    const { instrumentation, attempts } = collecting()
    let isRead = false
    const stream = await instrumentation.trackAttempt(
      labels,
      async () => generate(),
      () => ({ success: isRead, output_tokens: 3 }),
    )
    expect(attempts).toEqual([])
    for await (const chunk of stream) isRead = chunk === 'c'
    expect(attempts).toMatchObject([{ success: true, output_tokens: 3 }])
    expect(attempts[0]?.time_seconds).toBeGreaterThan(0.012)
  })

  it('but not with an object that is no work, such as a list or the iterator of one', () => {
    const { instrumentation, attempts } = collecting()
    for (const value of [['a'], ['a'].values(), new Map(), Object.freeze({ success: true }), 'text', new Date()]) {
      expect(instrumentation.trackAttempt(labels, () => value)).toBe(value)
    }
    expect(attempts).toHaveLength(6)
  })

  it('at its return, if the stream is frozen and cannot be followed', async () => {
    const { instrumentation, attempts } = collecting()
    const stream = instrumentation.trackAttempt(labels, () => Object.freeze(generate()))
    expect(attempts).toHaveLength(1)
    expect(await all(stream)).toEqual(CHUNKS)
    expect(attempts).toHaveLength(1)
  })
})

describe('the reader of a stream sees what it would see without trackAttempt', () => {
  it('the same object, without new enumerable properties, of the same class', () => {
    const { instrumentation } = collecting()
    const kinds: (() => object)[] = [generate, readable, () => new Response('text')]
    for (const open of kinds) {
      const stream = instrumentation.trackAttempt(labels, open)
      expect(Object.keys(stream)).toEqual([])
      expect(Object.getPrototypeOf(stream)).toBe(Object.getPrototypeOf(open()))
    }
  })

  it('chunks are requested one by one, as the reader asks for them', async () => {
    const { instrumentation } = collecting()
    let pulled = 0
    const stream = instrumentation.trackAttempt(
      labels,
      () =>
        new ReadableStream(
          {
            pull: controller => {
              pulled++
              controller.enqueue(pulled)
            },
          },
          { highWaterMark: 0 },
        ),
    )
    await new Promise(resolve => setTimeout(resolve, 10))
    expect(pulled).toBe(0)
    const reader = stream.getReader()
    for (let chunk = 1; chunk <= 3; chunk++) {
      expect(await reader.read()).toEqual({ done: false, value: chunk })
      expect(pulled).toBe(chunk)
    }
  })

  it('both branches of tee have every chunk', async () => {
    const { instrumentation } = collecting()
    const [one, other] = instrumentation.trackAttempt(labels, () => readable()).tee()
    expect(await Promise.all([all(one), all(other)])).toEqual([CHUNKS, CHUNKS])
  })

  it('an early return reaches the generator, with its value, and the reason of a cancel reaches the source', async () => {
    const { instrumentation } = collecting()
    const seen: unknown[] = []
    async function* source(): AsyncGenerator<number, string> {
      try {
        yield 1
        yield 2
      } finally {
        seen.push('cleaned up')
      }
      return 'end'
    }
    const stream = instrumentation.trackAttempt(labels, () => source())
    await stream.next()
    expect(await stream.return('mine')).toEqual({ done: true, value: 'mine' })
    const cancellable = instrumentation.trackAttempt(
      labels,
      () => new ReadableStream({ cancel: reason => void seen.push(reason) }),
    )
    await cancellable.cancel('enough')
    expect(seen).toEqual(['cleaned up', 'enough'])
  })

  it('values that are sent into a generator arrive, and a yield in its finally does not end it', async () => {
    const { instrumentation, attempts } = collecting()
    function* talk(): Generator<string, string, string> {
      try {
        const answer = yield 'question'
        yield `heard ${answer}`
      } finally {
        yield 'one more'
      }
      return 'end'
    }
    const stream = instrumentation.trackAttempt(labels, () => talk())
    expect(stream.next('ignored')).toEqual({ done: false, value: 'question' })
    expect(stream.next('yes')).toEqual({ done: false, value: 'heard yes' })
    expect(stream.return('stop')).toEqual({ done: false, value: 'one more' })
    expect(attempts).toEqual([])
    expect(stream.next()).toEqual({ done: true, value: 'stop' })
    expect(attempts).toHaveLength(1)
  })

  it('a loop with preventCancel leaves the stream open, and so does a reader that gives it back', async () => {
    const collected = collecting()
    const stream = collected.instrumentation.trackAttempt(labels, () => readable())
    for await (const _ of stream.values({ preventCancel: true })) break
    const reader = stream.getReader()
    await reader.read()
    reader.releaseLock()
    expect(collected.attempts).toEqual([])
    expect(await all(stream)).toEqual(['c'])
    expect(await onlyAttempt(collected)).toMatchObject({ success: true })
  })

  it('a stream that is locked throws as before, and goes on', async () => {
    const collected = collecting()
    const stream = collected.instrumentation.trackAttempt(labels, () => readable())
    const reader = stream.getReader()
    expect(() => stream.getReader()).toThrow(TypeError)
    expect(() => stream.tee()).toThrow(TypeError)
    expect(() => stream.pipeThrough(new TransformStream())).toThrow(TypeError)
    await expect(stream.pipeTo(new WritableStream())).rejects.toThrow(TypeError)
    await expect(stream.cancel()).rejects.toThrow(TypeError)
    while (!(await reader.read()).done);
    expect(await onlyAttempt(collected)).toMatchObject({ success: true })
  })

  it('a response can be answered with, and its body is what the server sends', async () => {
    const collected = collecting()
    const answer = collected.instrumentation.trackAttempt(labels, () => new Response('hello', { headers: { a: 'b' } }))
    const copy = new Response(answer.body, answer)
    expect(copy.headers.get('a')).toBe('b')
    expect(await copy.text()).toBe('hello')
    expect(await onlyAttempt(collected)).toMatchObject({ success: true })
  })
})

describe('a stream that is abandoned', () => {
  it('is recorded as aborted when it is collected as garbage', async () => {
    const { code, stdout, stderr } = await runNode(`
      import { setFlagsFromString } from 'node:v8'
      import { runInNewContext } from 'node:vm'
      import { createInstrumentation } from '${ENTRY}'
      setFlagsFromString('--expose-gc')
      const collect = runInNewContext('gc')
      const recorded = []
      const delivery = { add: attempt => recorded.push(attempt), flush: async () => true, close: async () => true, stats: () => ({}) }
      const { trackAttempt } = createInstrumentation({ delivery })
      async function* generate() { yield 1; yield 2 }
      const labels = { agent_name: 'A', model_name: 'm', issue_type: 'i' }
      const abandon = async open => void (await trackAttempt(labels, open, () => ({ success: true })).next?.())
      await abandon(generate)
      await abandon(() => new ReadableStream())
      await abandon(() => new Response('text'))
      for (let i = 0; i < 200 && recorded.length < 3; i++) {
        collect()
        await new Promise(resolve => setTimeout(resolve, 10))
      }
      console.log(JSON.stringify(recorded.map(attempt => attempt.error_type)))
    `)
    expect({ code, stderr, recorded: JSON.parse(stdout) }).toEqual({
      code: 0,
      stderr: '',
      recorded: Array(3).fill('aborted'),
    })
  })
})
