/** NDJSON streams of padded lines. Each line has one attempt and 256 KiB of spaces. A stream lasts half a minute. */
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { pressureAttempt } from './attempts.ts'

const PADDING = ' '.repeat(256 * 1024)
const LINES_PER_BURST = 4
const BURST_EVERY_MS = 1000
const STREAM_MS = 30_000

export interface Streams {
  /** Acknowledged attempts over all streams. */
  readonly kept: number
  /** Number of answers by status. 0: the connection broke. */
  readonly answers: Readonly<Record<number, number>>
  /** Resolves when every attempt of every stream is acknowledged. */
  readonly done: Promise<void>
}

/** Keeps `count` streams open for `ms`. When one ends, the next one starts. */
export function startStreams(port: number, count: number, ms: number): Streams {
  const answers: Record<number, number> = {}
  const endMs = performance.now() + ms
  const streams = { kept: 0, answers, done: Promise.resolve() }

  async function one(name: string, delayMs: number): Promise<void> {
    // Clients of their own do not send in the same millisecond.
    await pause(delayMs)
    let next = 0
    let round = 0
    while (performance.now() < endMs) {
      const first = next
      const { status, body, sent } = await stream(
        port,
        `${name}-${round++}`,
        Math.min(STREAM_MS, endMs - performance.now()),
        first,
      )
      answers[status] = (answers[status] ?? 0) + 1
      next += sent
      const { accepted = 0, duplicates = 0 } = body
      if (status === 200 && accepted + duplicates !== sent)
        throw new Error(`${sent} lines sent, ${JSON.stringify(body)}`)
      streams.kept += await resendUnless(status === 200, port, `${name}-${round - 1}`, first, sent)
      if (status !== 200) await pause(1000)
    }
  }

  streams.done = Promise.all(
    Array.from({ length: count }, (_, i) => one(`stream${i}`, (i * BURST_EVERY_MS) / count)),
  ).then(() => undefined)
  return streams
}

/** Sends the attempts of a stream again with their ids unless it was acknowledged. Returns their number, all of them kept. */
async function resendUnless(
  isKept: boolean,
  port: number,
  client: string,
  first: number,
  count: number,
): Promise<number> {
  for (let from = first; !isKept && from < first + count; ) {
    const attempts = Array.from({ length: Math.min(1000, first + count - from) }, (_, i) =>
      pressureAttempt(client, from + i),
    )
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/attempts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(attempts),
    }).catch(() => undefined)
    await answer?.text()
    if (answer?.status === 200) from += attempts.length
    else await pause(1000)
  }
  return count
}

interface Answered {
  readonly status: number
  readonly body: { readonly accepted?: number; readonly duplicates?: number }
  readonly sent: number
}

async function stream(port: number, client: string, ms: number, first: number): Promise<Answered> {
  const headers = { 'Content-Type': 'application/x-ndjson' }
  const req = http.request({ host: '127.0.0.1', port, method: 'POST', path: '/api/v1/attempts', headers, agent: false })
  let answered: Answered | undefined
  let sent = 0
  const answer = new Promise<Omit<Answered, 'sent'>>(resolve => {
    req.on('error', () => resolve({ status: 0, body: {} }))
    req.on('response', res => {
      let text = ''
      res.setEncoding('utf8').on('data', chunk => {
        text += chunk
      })
      res.on('end', () => resolve({ status: res.statusCode!, body: JSON.parse(text) as Answered['body'] }))
      res.on('error', () => resolve({ status: 0, body: {} }))
    })
  })
  void answer.then(body => {
    answered = { ...body, sent }
  })
  const endMs = performance.now() + ms
  while (performance.now() < endMs && answered === undefined) {
    for (let i = 0; i < LINES_PER_BURST && answered === undefined; i++) {
      const text = JSON.stringify(pressureAttempt(client, first + sent))
      sent++
      if (!req.write(`${text.slice(0, -1)}${PADDING}}\n`)) await drained(req, answer)
    }
    await pause(BURST_EVERY_MS)
  }
  req.end()
  return { ...(await answer), sent }
}

function drained(req: http.ClientRequest, answer: Promise<unknown>): Promise<void> {
  return new Promise(resolve => {
    const go = (): void => {
      req.off('drain', go).off('close', go)
      resolve()
    }
    req.once('drain', go).once('close', go)
    void answer.then(go)
  })
}
