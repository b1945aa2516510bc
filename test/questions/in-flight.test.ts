/** Questions are bounded and shared: on answers that the test makes, over real connections. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { runYielding } from '../../src/lib/event-loop.ts'
import { createQuestionsInFlight, type QuestionsInFlight } from '../../src/questions/in-flight.ts'
import type { MakeAnswer } from '../../src/questions/shared-answers.ts'
import { createConnectionTurns } from '../../src/server/connection-turns.ts'
import { createUnreadAnswers, type UnreadAnswers } from '../../src/server/unread-answers.ts'

interface Served {
  readonly url: string
  readonly port: number
  readonly questions: QuestionsInFlight
  readonly unread: UnreadAnswers
  /** The keys of the answers that were begun, in order, and the signal of each. */
  readonly begun: { readonly key: string; readonly signal: AbortSignal }[]
}

/** Answers every path as a question of its own, with what `make` makes of it. */
async function serve(
  make: (key: string, signal: AbortSignal) => ReturnType<MakeAnswer>,
  { maxQuestions = 100, maxAnswerBytes = 2 ** 30, patienceMs = 10_000 } = {},
): Promise<Served> {
  const turns = createConnectionTurns()
  const questions = createQuestionsInFlight({ maxQuestions, maxAnswerBytes, turns })
  const unread = createUnreadAnswers(patienceMs)
  const begun: Served['begun'] = []
  const server = createServer((req, res) => {
    if (!turns.admit(res)) return
    unread.watch(res)
    const key = req.url!
    const made: MakeAnswer = signal => {
      begun.push({ key, signal })
      return make(key, signal)
    }
    void (key.startsWith('/stream') ? questions.stream(res, made) : questions.answer(res, key, made))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(async () => {
    unread.close()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, questions, unread, begun }
}

const pieces = (...texts: string[]): Iterator<string> => texts[Symbol.iterator]()

/** So many times 64 KiB: 400 are more than the system takes in for a client that does not read. */
function* long(times = 400): Generator<string> {
  yield '['
  for (let i = 0; i < times; i++) yield `"${'x'.repeat(64 * 1024)}",`
  yield '0]'
}

/** Asks over a connection of its own and reads nothing. */
function askAndStop({ port }: Served, ...paths: string[]): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  socket.pause()
  socket.write(paths.map(path => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''))
  onTestFinished(() => void socket.destroy())
  return socket
}

/** Work that never ends and pauses all the time. */
function* endless(): Generator<void, never> {
  for (;;) yield
}

test('one question over the limit is refused with 429 and Retry-After, and accepted when another is answered', async () => {
  const gate = Promise.withResolvers<void>()
  const served = await serve(async key => gate.promise.then(() => pieces(`"${key}"`)), { maxQuestions: 2 })
  const answers = ['/a', '/b'].map(path => fetch(served.url + path))
  await expect.poll(() => served.questions.inFlight).toBe(2)
  const refused = await fetch(`${served.url}/c`)
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
  expect(refused.headers.get('content-type')).toBe('application/problem+json')
  expect(await refused.json()).toMatchObject({ detail: expect.stringContaining('--max-questions') })
  gate.resolve()
  expect(await Promise.all(answers.map(async answer => (await answer).json()))).toEqual(['/a', '/b'])
  await expect.poll(() => served.questions.inFlight).toBe(0)
  expect(await (await fetch(`${served.url}/c`)).json()).toBe('/c')
  expect(served.questions.refused.get('questions')).toBe(1)
})

test('equal waiting questions are computed once, and each client gets the same complete answer', async () => {
  const gate = Promise.withResolvers<void>()
  const served = await serve(async key => {
    if (key !== '/same') await gate.promise
    return long(10)
  })
  const others = ['/1', '/2', '/3', '/4'].map(path => fetch(served.url + path))
  await expect.poll(() => served.begun.length).toBe(4)
  const equal = Array.from({ length: 8 }, () => fetch(`${served.url}/same`))
  await expect.poll(() => served.questions.inFlight).toBe(12)
  expect(served.begun).toHaveLength(4)
  gate.resolve()
  const texts = await Promise.all([...others, ...equal].map(async answer => (await answer).text()))
  const whole = [...long(10)].join('')
  for (const text of texts) expect(text === whole).toBe(true)
  expect(served.begun.filter(({ key }) => key === '/same')).toHaveLength(1)
  await expect.poll(() => served.questions.answerBytes).toBe(0)
})

test('a question never joins a running computation: its answer includes everything recorded before it', async () => {
  let recorded = 0
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const served = await serve(async () => {
    const seen = recorded
    await gates[served.begun.length - 1]!.promise
    return pieces(String(seen))
  })
  const first = fetch(`${served.url}/same`)
  await expect.poll(() => served.begun.length).toBe(1)
  recorded = 1
  const second = fetch(`${served.url}/same`)
  await expect.poll(() => served.begun.length).toBe(2)
  for (const gate of gates) gate.resolve()
  expect([await (await first).json(), await (await second).json()]).toEqual([0, 1])
})

test('the computation stops when its only client disconnects, and its slot becomes free', async () => {
  const served = await serve((_key, signal) => runYielding(endless(), signal), { maxQuestions: 1 })
  const socket = askAndStop(served, '/endless')
  await expect.poll(() => served.begun.length).toBe(1)
  socket.destroy()
  await expect.poll(() => served.questions.inFlight).toBe(0)
  expect(served.begun[0]!.signal.aborted).toBe(true)
})

test('a shared computation continues until its last client disconnects', async () => {
  const gate = Promise.withResolvers<void>()
  const served = await serve(async (key, signal) => {
    if (key === '/shared') return runYielding(endless(), signal)
    await gate.promise
    return pieces('1')
  })
  const others = ['/1', '/2', '/3', '/4'].map(path => askAndStop(served, path))
  await expect.poll(() => served.begun.length).toBe(4)
  const sharing = [askAndStop(served, '/shared'), askAndStop(served, '/shared')]
  await expect.poll(() => served.questions.inFlight).toBe(6)
  gate.resolve()
  await expect.poll(() => served.begun.length).toBe(5)
  const { signal } = served.begun[4]!
  sharing[0]!.destroy()
  await expect.poll(() => served.questions.inFlight).toBeLessThan(6)
  expect(signal.aborted).toBe(false)
  sharing[1]!.destroy()
  await expect.poll(() => signal.aborted).toBe(true)
  for (const socket of others) socket.destroy()
  await expect.poll(() => served.questions.inFlight).toBe(0)
})

test('unread answers count until their clients disconnect, and over the limit others are refused with 429', async () => {
  const served = await serve(async key => (key === '/short' ? pieces('1') : long()), { maxAnswerBytes: 2 ** 20 })
  // The only one may be longer than the limit.
  const socket = askAndStop(served, '/long')
  await expect.poll(() => served.questions.answerBytes).toBeGreaterThan(2 ** 20)
  for (const path of ['/longer', '/stream']) {
    const refused = await fetch(served.url + path)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
  }
  expect((await fetch(`${served.url}/short`)).status).toBe(200)
  socket.destroy()
  await expect.poll(() => served.questions.answerBytes).toBe(0)
  expect((await fetch(`${served.url}/longer`)).status).toBe(200)
  expect(served.questions.refused.get('answer_bytes')).toBe(2)
})

test.each(['/long', '/stream'])(
  'a client that stops reading %s is disconnected and counted, and its slot and bytes become free',
  async path => {
    const served = await serve(async () => long(), { patienceMs: 400 })
    const socket = askAndStop(served, path)
    await expect.poll(() => served.questions.answerBytes).toBeGreaterThan(0)
    await expect.poll(() => served.unread.closed, { timeout: 10_000 }).toBe(1)
    await expect.poll(() => [served.questions.inFlight, served.questions.answerBytes]).toEqual([0, 0])
    socket.destroy()
  },
)

test('questions of one connection are computed one after the other and answered in order', async () => {
  let running = 0
  let most = 0
  const served = await serve(async key => {
    most = Math.max(most, ++running)
    await new Promise(resolve => setImmediate(resolve))
    running--
    return pieces(`"${key}"`)
  })
  const socket = askAndStop(served, ...Array.from({ length: 10 }, (_, i) => `/${i}`))
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  socket.resume()
  await expect.poll(() => text.match(/"\/\d"/g)).toEqual(Array.from({ length: 10 }, (_, i) => `"/${i}"`))
  expect(most).toBe(1)
})

test('a connection that keeps asking without reading has a few questions waiting, is refused more, and is finally closed', async () => {
  const served = await serve(async key => (key === '/long' ? long() : pieces('1')))
  const some = askAndStop(served, '/long', ...Array<string>(50).fill('/short'))
  await expect.poll(() => served.questions.refused.get('connection')).toBe(50 - 16)
  expect(served.questions.inFlight).toBe(1)
  some.destroy()
  const many = askAndStop(served, '/long', ...Array<string>(1000).fill('/short'))
  many.resume()
  await once(many, 'close')
  await expect.poll(() => served.questions.inFlight).toBe(0)
  expect((await fetch(`${served.url}/short`)).status).toBe(200)
})

test('a computation that fails answers every waiting client with the error, and its slot becomes free', async () => {
  const served = await serve(async () => ({ status: 404, detail: 'there is none' }))
  const answers = await Promise.all(Array.from({ length: 5 }, () => fetch(`${served.url}/none`)))
  expect(answers.map(answer => answer.status)).toEqual(Array(5).fill(404))
  await expect.poll(() => served.questions.inFlight).toBe(0)
})
