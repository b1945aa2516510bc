/** Under overload, or with a disk that stalls or fails, every refusal has Retry-After, none is a 500, and no refused attempt is counted. */
import { once } from 'node:events'
import { readdir, rename, rm, writeFile } from 'node:fs/promises'
import { type ClientRequest, createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createAttemptsHandler } from '../../src/receive/attempts.ts'
import { createInFlight } from '../../src/receive/body.ts'
import { openFileStore } from '../../src/store/file/file-store.ts'
import { type FileSystem, nodeFileSystem } from '../../src/store/file/file-system.ts'
import { defaultTally } from '../../src/store/open.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  readonly type: string | null
  readonly body: { readonly accepted?: number }
}

async function post(url: string, body: unknown): Promise<Answer> {
  const answer = await fetch(`${url}/api/v1/attempts`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  const { status, headers } = answer
  const read = (await answer.json()) as Answer['body']
  return { status, retryAfter: headers.get('retry-after'), type: headers.get('content-type'), body: read }
}

/** Asserts a Retry-After in whole seconds and a detail. */
function expectRefusal({ status, retryAfter, type }: Answer): void {
  expect([429, 503]).toContain(status)
  expect(retryAfter).toMatch(/^[1-9]\d*$/)
  expect(type).toBe('application/problem+json')
}

const totalOf = async (sidecar: TestSidecar): Promise<number> => {
  const report = (await (await sidecar.get('/api/v1/report')).json()) as { summary: { total_attempts: number } }
  return report.summary.total_attempts
}

interface Gate {
  /** Awaited before every sync of the journal. If it rejects, the sync fails with the same error. */
  before: () => Promise<void>
}

/** A store on this machine's disk with a gate before every sync, and the recording route in front of it. */
async function openBehindGate(gate: Gate, maxPendingAttempts: number) {
  const folder = await temporaryFolder()
  const fileSystem: FileSystem = {
    ...nodeFileSystem,
    async create(path, mostBytes) {
      const file = await nodeFileSystem.create(path, mostBytes)
      return { ...file, append: bytes => gate.before().then(() => file.append(bytes)) }
    },
  }
  const path = join(folder.path, 'agent_performance.json')
  const store = await openFileStore({ path, tally: defaultTally(), clock: Date.now, fileSystem, maxPendingAttempts })
  const tracker = new AgentPerformanceTracker({ store })
  const refused = new Map<number, number>()
  const handler = createAttemptsHandler({
    keeper: tracker,
    counts: {
      accepted() {},
      duplicate() {},
      rejected() {},
      refused: (status, count) => refused.set(status, (refused.get(status) ?? 0) + count),
    },
    inFlight: createInFlight(2 ** 20),
    maxBodyBytes: 2 ** 20,
    requestTimeoutMs: 10_000,
  })
  const server = createServer((req, res) => handler(req, res, error => server.emit('error', error)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tracker,
    refused,
    total: async () => (await tracker.generatePerformanceReport()).summary.total_attempts,
    async [Symbol.asyncDispose]() {
      server.close()
      await tracker.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

describe('a disk', () => {
  test('that stalls lets --max-pending-attempts wait, refuses the rest with 429, and records those that waited when it continues', async () => {
    const gate: Gate = { before: async () => undefined }
    await using behind = await openBehindGate(gate, 50)
    const stall = Promise.withResolvers<void>()
    gate.before = () => stall.promise
    const answers: Answer[] = []
    const sent = Array.from({ length: 100 }, async (_, i) => {
      answers.push(await post(behind.url, [anAttempt({ attempt_id: `stalled-${i}` })]))
    })
    await expect.poll(() => answers.length).toBe(50)
    for (const answer of answers) expectRefusal(answer)
    expect(answers.map(answer => answer.status)).toEqual(Array(50).fill(429))
    expect(await behind.total()).toBe(0)
    stall.resolve()
    await Promise.all(sent)
    expect(answers.filter(answer => answer.status === 200)).toHaveLength(50)
    expect(await behind.total()).toBe(50)
    expect(behind.refused).toEqual(new Map([[429, 50]]))
  })

  test('that fails refuses waiting and new attempts with 503, and accepts attempts again when it works', async () => {
    const gate: Gate = { before: async () => undefined }
    await using behind = await openBehindGate(gate, 1000)
    expect((await post(behind.url, anAttempt({ attempt_id: 'before' }))).status).toBe(200)
    gate.before = () => Promise.reject(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }))
    const attempts = Array.from({ length: 40 }, (_, i) => anAttempt({ attempt_id: `failed-${i}` }))
    const answers = await Promise.all(attempts.map(attempt => post(behind.url, attempt)))
    for (const answer of answers) expectRefusal(answer)
    expect(new Set(answers.map(answer => answer.status))).toEqual(new Set([503]))
    expect(await behind.total()).toBe(1)
    gate.before = async () => undefined
    await expect.poll(async () => (await post(behind.url, attempts[0])).status, { timeout: 10_000 }).toBe(200)
    expect((await post(behind.url, attempts)).body).toEqual({ accepted: 39, duplicates: 1 })
    expect(await behind.total()).toBe(41)
  })
})

describe('a continuing stream', () => {
  function openStream(url: string): ClientRequest {
    const headers = { 'Content-Type': 'application/x-ndjson' }
    return request(`${url}/api/v1/attempts`, { method: 'POST', headers }).on('error', () => undefined)
  }

  test('gets a 503 with the number of its recorded lines as soon as the disk fails', async () => {
    const gate: Gate = { before: async () => undefined }
    await using behind = await openBehindGate(gate, 1000)
    const req = openStream(behind.url)
    const answer = once(req, 'response')
    req.write(`${JSON.stringify(anAttempt())}\n`)
    await expect.poll(() => behind.total()).toBe(1)
    gate.before = () => Promise.reject(new Error('the disk fails'))
    req.write(`${JSON.stringify(anAttempt())}\n`)
    const [res] = (await answer) as [IncomingMessage]
    expect([res.statusCode, res.headers['retry-after']]).toEqual([503, '5'])
    expect(JSON.parse(await text(res))).toMatchObject({ accepted: 1, kept_lines: 1 })
    gate.before = async () => undefined
    req.destroy()
  })

  test('whose client disconnects while its lines are recorded is recorded up to there', async () => {
    const gate: Gate = { before: async () => undefined }
    await using behind = await openBehindGate(gate, 1000)
    const stall = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    gate.before = () => {
      reached.resolve()
      return stall.promise
    }
    const req = openStream(behind.url)
    req.write(`${JSON.stringify(anAttempt())}\n`)
    await reached.promise
    const closed = new Promise(resolve => req.once('close', resolve))
    req.destroy()
    await closed
    stall.resolve()
    await expect.poll(() => behind.total()).toBe(1)
    expect((await post(behind.url, anAttempt())).status).toBe(200)
  })
})

test('a sidecar whose journal is removed refuses with 503, is not ready and says why, answers questions, and recovers when it is back', async () => {
  await using sidecar = await testSidecar()
  const journal = sidecar.store.replace(/\.json$/, '.journal')
  await sidecar.post(anAttempt({ attempt_id: 'kept' }))
  await rename(journal, `${journal}.away`)
  // A file in its place prevents its creation.
  await writeFile(journal, '')
  expectRefusal(await post(sidecar.url, anAttempt({ attempt_id: 'refused' })))
  const ready = await sidecar.get('/readyz')
  expect(ready.status).toBe(503)
  expect(await ready.json()).toMatchObject({ checks: [{ name: 'store', ok: false, detail: expect.any(String) }, {}] })
  expect((await sidecar.get('/livez')).status).toBe(200)
  expect((await sidecar.get('/metrics')).status).toBe(200)
  expect(await totalOf(sidecar)).toBe(1)
  await rm(journal)
  await rename(`${journal}.away`, journal)
  await expect.poll(async () => (await sidecar.get('/readyz')).status, { timeout: 10_000 }).toBe(200)
  expect((await post(sidecar.url, anAttempt({ attempt_id: 'again' }))).body).toEqual({ accepted: 1, duplicates: 0 })
  expect(await totalOf(sidecar)).toBe(2)
  expect((await readdir(journal)).some(name => name.endsWith('.ndjson'))).toBe(true)
})

test('incomplete lines count as in flight: too many are refused with 429, and accepted when others are complete', async () => {
  await using sidecar = await testSidecar({ 'max-in-flight-bytes': '2MiB' })
  const { hostname, port } = new URL(sidecar.url)
  const line = Buffer.alloc(1_000_000, ' ')
  const begin = (): ReturnType<typeof connect> => {
    const socket = connect(Number(port), hostname).on('error', () => undefined)
    socket.write('POST /api/v1/attempts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n')
    socket.write(`Content-Length: ${2 * line.length}\r\n\r\n`)
    socket.write(line)
    return socket
  }
  const whole = (): Promise<Response> =>
    sidecar.post(`${JSON.stringify(anAttempt())}\n${' '.repeat(200_000)}${JSON.stringify(anAttempt())}\n`, {
      headers: { 'Content-Type': 'application/x-ndjson' },
    })
  expect((await whole()).status).toBe(200)
  const held: ReturnType<typeof begin>[] = []
  let refused = await whole()
  // Which of them is refused depends on timing, until the sidecar has read everything that two of them sent.
  await expect
    .poll(async () => {
      held.push(begin())
      for (let turn = 0; turn < 20; turn++) await sidecar.get('/livez')
      refused = await whole()
      return refused.status
    })
    .toBe(429)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await refused.json()).toMatchObject({ kept_lines: 1, accepted: 1 })
  for (const socket of held) socket.destroy()
  await expect.poll(async () => (await whole()).status).toBe(200)
})

test('200 clients that follow Retry-After all succeed, and every attempt is counted once', async () => {
  await using sidecar = await testSidecar({ 'max-pending-attempts': '20' })
  let refusals = 0
  let rounds = 0
  const client = async (number: number): Promise<void> => {
    for (let batch = 0; batch < 3; batch++) {
      const ids = Array.from({ length: 5 }, (_, i) => `storm-${number}-${batch}-${i}`)
      const attempts = ids.map(attempt_id => anAttempt({ attempt_id }))
      for (let round = 1; ; round++) {
        const answer = await post(sidecar.url, attempts)
        rounds = Math.max(rounds, round)
        if (answer.status === 200) break
        expectRefusal(answer)
        refusals++
        await pause(Number(answer.retryAfter) * 1000 * (0.5 + Math.random()))
      }
    }
  }
  await Promise.all(Array.from({ length: 200 }, (_, number) => client(number)))
  expect(refusals).toBeGreaterThan(0)
  expect(rounds).toBeLessThan(20)
  expect(await totalOf(sidecar)).toBe(200 * 3 * 5)
  const scrape = await (await sidecar.get('/metrics')).text()
  expect(scrape).toMatch(new RegExp(`attempts_refused_total\\{reason="overloaded"\\} ${refusals * 5}$`, 'm'))
  expect(scrape).not.toContain('code="500"')
})

test('attempts of clients that disconnect before the response are counted at most once, and once if they are sent again', async () => {
  await using sidecar = await testSidecar()
  const { hostname, port } = new URL(sidecar.url)
  const attempts = Array.from({ length: 100 }, (_, i) => anAttempt({ attempt_id: `gone-${i}` }))
  await Promise.all(
    attempts.map(async (attempt, i) => {
      const body = JSON.stringify(attempt)
      const head = `POST /api/v1/attempts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`
      const socket = connect(Number(port), hostname).on('error', () => undefined)
      socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`, () => {
        if (i % 2 === 0) socket.destroy()
        else setTimeout(() => socket.destroy(), i / 10)
      })
      await once(socket, 'close')
    }),
  )
  const { accepted = 0, duplicates = 0 } = (await post(sidecar.url, attempts)).body as Record<string, number>
  expect(accepted + duplicates).toBe(100)
  expect(await totalOf(sidecar)).toBe(100)
})

test('a thousand wrong tokens are refused alike, and do not delay a request with a valid one', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'tokens')
  await writeFile(file, Array.from({ length: 100 }, (_, i) => `right-${i}\n`).join(''))
  await using sidecar = await testSidecar({ 'auth-token-file': file })
  const ask = async (authorization: string): Promise<string> => {
    const answer = await sidecar.get('/api/v1/report', { Authorization: authorization })
    return `${answer.status} ${answer.status === 200 ? '' : await answer.text()}`
  }
  const guess = async (client: number): Promise<string[]> => {
    const answers: string[] = []
    for (let i = 0; i < 10; i++) answers.push(await ask(`Bearer ${i % 2 ? 'right-' : ''}wrong-${client}-${i}`))
    return answers
  }
  const wrong = Promise.all(Array.from({ length: 100 }, (_, client) => guess(client)))
  const right = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(`Bearer right-${i}`)))
  expect(new Set(right)).toEqual(new Set(['200 ']))
  const answers = new Set((await wrong).flat())
  expect(answers.size).toBe(1)
  expect([...answers][0]).toMatch(/^401 /)
  expect(await ask('Basic cmlnaHQtMQ==')).toMatch(/^401 /)
})
