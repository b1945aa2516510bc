/** Sends attempts with unique ids at a constant rate, and sends unanswered ones again, like a coordinator that loses nothing. */
import { ATTEMPTS_PATH, attemptOf } from '../support/attempts.ts'
import { type Connection, openConnection, post } from '../support/http-load.ts'

const KEYS = 100
const RECONNECT_MS = 50
/** Maximum number of queued attempts. While the queue is full, no attempts are created. */
const MAX_WAITING = 10_000

export interface Sent {
  /** Distinct attempts. */
  readonly attempts: number
  readonly successes: number
  readonly answered: number
  /** How often an attempt was sent again. */
  readonly again: number
}

export interface Sender {
  readonly sent: Sent
  /** Stops creating attempts. Resolves when all are answered. */
  finish(): Promise<void>
}

interface Request {
  readonly bytes: Buffer
}

export function startSender(port: number, connections: number, perSecond: number): Sender {
  const sent = { attempts: 0, successes: 0, answered: 0, again: 0 }
  const waiting: Request[] = []
  const idle: Connection[] = []
  const open = new Set<Connection>()
  let lastMs = performance.now()
  let due = 0
  const { promise: finished, resolve } = Promise.withResolvers<void>()
  let finishing = false

  async function connect(): Promise<void> {
    let current: Request | undefined
    const state: { connection?: Connection } = {}
    const lost = (): void => {
      if (state.connection === undefined) return
      open.delete(state.connection)
      const at = idle.indexOf(state.connection)
      if (at >= 0) idle.splice(at, 1)
      if (current !== undefined) again(current)
      reconnect()
    }
    try {
      const bare = await openConnection(port, lost)
      const connection: Connection = {
        close: bare.close,
        send(bytes, onAnswer) {
          current = { bytes }
          bare.send(bytes, status => {
            current = undefined
            onAnswer(status)
          })
        },
      }
      state.connection = connection
      open.add(connection)
      idle.push(connection)
      pump()
    } catch {
      reconnect()
    }
  }

  function reconnect(): void {
    if (!finishing || sent.answered < sent.attempts) setTimeout(connect, RECONNECT_MS)
  }

  function again(request: Request): void {
    sent.again++
    waiting.push(request)
  }

  function pump(): void {
    while (waiting.length > 0 && idle.length > 0) send(idle.pop()!, waiting.shift()!)
    if (!finishing || sent.answered < sent.attempts) return
    for (const connection of open) connection.close()
    resolve()
  }

  function send(connection: Connection, request: Request): void {
    connection.send(request.bytes, status => {
      if (status === 200) sent.answered++
      else if (status === 429 || status === 503) setTimeout(again, RECONNECT_MS, request)
      else throw new Error(`an attempt was answered with ${status}`)
      if (open.has(connection)) idle.push(connection)
      pump()
    })
  }

  const arrivals = setInterval(() => {
    const nowMs = performance.now()
    due += ((nowMs - lastMs) / 1000) * perSecond
    lastMs = nowMs
    for (; due >= 1; due--) {
      if (waiting.length >= MAX_WAITING) continue
      const attempt = { ...attemptOf(sent.attempts % KEYS), attempt_id: `soak-${sent.attempts}` }
      sent.attempts++
      if (attempt.success) sent.successes++
      waiting.push({ bytes: post(ATTEMPTS_PATH, JSON.stringify(attempt)) })
    }
    pump()
  }, 2)

  for (let made = 0; made < connections; made++) void connect()
  return {
    sent,
    finish() {
      clearInterval(arrivals)
      finishing = true
      pump()
      return finished
    },
  }
}
