/** Limits of questions in a whole sidecar: probes, scrapes and recording continue beside them. */
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

/** More keys than the system takes in of calibration by key, for a client that does not read: 2 KB each. */
const KEYS = 3000
/** The same for a scrape: 7 KB each. */
const SCRAPED_KEYS = 1000

async function withManyKeys(flags: Record<string, string> = {}, keys = KEYS): Promise<TestSidecar> {
  const sidecar = await testSidecar(flags)
  onTestFinished(() => sidecar[Symbol.asyncDispose]())
  const attempts = Array.from({ length: keys }, (_, i) => anAttempt({ agent_name: `agent-${i}`, confidence: 0.5 }))
  expect((await sidecar.post(attempts)).status).toBe(200)
  return sidecar
}

function askAndStop({ url }: TestSidecar, path: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).on('error', () => undefined)
  socket.pause()
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  return socket
}

test('at the limit of questions, others are refused with 429, and probes, scrapes and recording continue', async () => {
  const sidecar = await withManyKeys({ 'max-questions': '2' })
  const sockets = [1, 2].map(hours => askAndStop(sidecar, `/api/v1/calibration?group_by=key&since=${hours}h`))
  await expect.poll(async () => (await sidecar.get('/api/v1/attempts?limit=1')).status).toBe(429)
  const refused = await sidecar.get('/api/v1/attempts?limit=1')
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await refused.json()).toMatchObject({ title: 'Too Many Requests', detail: expect.any(String) })
  for (const path of ['/livez', '/readyz', '/openapi.json']) expect((await sidecar.get(path)).status).toBe(200)
  const scrape = await (await sidecar.get('/metrics')).text()
  expect(scrape).toMatch(/^agent_performance_questions_in_flight 2$/m)
  expect(scrape).toMatch(/^agent_performance_questions_refused_total\{reason="questions"\} [1-9]/m)
  expect(await (await sidecar.post(anAttempt())).json()).toEqual({ accepted: 1, duplicates: 0 })
  for (const socket of sockets) socket.destroy()
  await expect.poll(async () => (await sidecar.get('/api/v1/attempts?limit=1')).status).toBe(200)
})

test('a connection that sends many scrapes at once and reads none takes one slot for scrapes', async () => {
  const sidecar = await withManyKeys({}, SCRAPED_KEYS)
  const { hostname, port } = new URL(sidecar.url)
  const socket = connect(Number(port), hostname).on('error', () => undefined)
  socket.pause()
  // More than scrapes have places for, were all of them begun.
  socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(16))
  for (let i = 0; i < 3; i++) {
    const answer = await sidecar.get('/metrics')
    await answer.arrayBuffer()
    expect(answer.status).toBe(200)
  }
  socket.destroy()
})

test('a scrape is answered although stalled clients hold every slot, long before they are disconnected', async () => {
  const sidecar = await withManyKeys({}, SCRAPED_KEYS)
  const sockets = Array.from({ length: 8 }, () => askAndStop(sidecar, '/metrics'))
  await expect.poll(async () => (await sidecar.get('/metrics')).status).toBe(503)
  let text = ''
  await expect
    .poll(async () => {
      const answer = await sidecar.get('/metrics')
      text = await answer.text()
      return answer.status
    })
    .toBe(200)
  expect(text).toMatch(/^agent_performance_connections_unread_total 0$/m)
  for (const socket of sockets) socket.destroy()
})

test('an answer includes every attempt acknowledged before the question, however many clients ask the same', async () => {
  await using sidecar = await testSidecar()
  let isOver = false
  const questions = ['report', 'success-rate', 'success-rate?since=1h', 'calibration', 'costs']
  const crowd = Array.from({ length: 20 }, async (_, i) => {
    while (!isOver) await (await sidecar.get(`/api/v1/${questions[i % questions.length]}`)).arrayBuffer()
  })
  const total = async (question: string, read: (answer: never) => number): Promise<number> =>
    read((await (await sidecar.get(`/api/v1/${question}`)).json()) as never)
  const key = 'a:m:i'
  for (let recorded = 1; recorded <= 20; recorded++) {
    expect((await sidecar.post(anAttempt({ confidence: 0.5 }))).status).toBe(200)
    const rate = (answer: { details: Record<string, { total_attempts: number }> }): number =>
      answer.details[key]!.total_attempts
    const totals = await Promise.all([
      total('report', (answer: { summary: { total_attempts: number } }) => answer.summary.total_attempts),
      total('success-rate', rate),
      total('success-rate?since=1h', rate),
      total('calibration', (answer: { overall: { attempts: number } }) => answer.overall.attempts),
      total('costs', (answer: { overall: { total_attempts: number } }) => answer.overall.total_attempts),
    ])
    expect(totals).toEqual(Array(5).fill(recorded))
  }
  isOver = true
  await Promise.all(crowd)
})

test('an attempt is recorded while questions about thousands of keys are still being computed', async () => {
  const sidecar = await withManyKeys()
  let answered = 0
  const asked = Array.from({ length: 15 }, async (_, i) => {
    await (await sidecar.get(`/api/v1/calibration?group_by=model_name&since=${i + 1}h`)).arrayBuffer()
    answered++
  })
  await Promise.race(asked)
  expect((await sidecar.post(anAttempt())).status).toBe(200)
  expect(answered).toBeLessThan(15)
  await Promise.all(asked)
})
