/** Sends attempts with unique ids at a constant rate, and sends unanswered ones again, like a coordinator that loses nothing. */
import { ATTEMPTS_PATH, attemptOf } from '../support/attempts.ts'
import { post } from '../support/http-load.ts'
import { openConnectionPool } from './connection-pool.ts'

const KEYS = 100
const REFUSED_PAUSE_MS = 50
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

/** Sends `perSecond` attempts per second to a port, whose server may be killed and restarted meanwhile. */
export function startSender(port: number, connections: number, perSecond: number): Sender {
  const sent = { attempts: 0, successes: 0, answered: 0, again: 0 }
  const queue: Buffer[] = []
  const { promise: finished, resolve } = Promise.withResolvers<void>()
  let isFinishing = false
  const pool = openConnectionPool(port, connections, { onConnected: pump, onLost: sendAgain })

  function sendAgain(request: Buffer): void {
    sent.again++
    queue.push(request)
  }

  function pump(): void {
    while (queue.length > 0) {
      const request = queue[0]!
      if (!pool.send(request, status => take(request, status))) break
      queue.shift()
    }
    if (!isFinishing || sent.answered < sent.attempts) return
    pool.close()
    resolve()
  }

  function take(request: Buffer, status: number): void {
    if (status === 200) sent.answered++
    else if (status === 429 || status === 503) setTimeout(sendAgain, REFUSED_PAUSE_MS, request)
    else throw new Error(`an attempt was answered with ${status}`)
    pump()
  }

  const stopArrivals = startArrivals(perSecond, count => {
    for (let i = 0; i < count && queue.length < MAX_WAITING; i++) {
      const attempt = { ...attemptOf(sent.attempts % KEYS), attempt_id: `soak-${sent.attempts}` }
      sent.attempts++
      if (attempt.success) sent.successes++
      queue.push(post(ATTEMPTS_PATH, JSON.stringify(attempt)))
    }
    pump()
  })

  return {
    sent,
    finish() {
      stopArrivals()
      isFinishing = true
      pump()
      return finished
    },
  }
}

/** Calls `arrive` every 2 ms with the number of arrivals that are due. Returns a function that stops it. */
function startArrivals(perSecond: number, arrive: (count: number) => void): () => void {
  let lastMs = performance.now()
  let due = 0
  const timer = setInterval(() => {
    const nowMs = performance.now()
    due += ((nowMs - lastMs) / 1000) * perSecond
    lastMs = nowMs
    const count = Math.floor(due)
    due -= count
    arrive(count)
  }, 2)
  return () => clearInterval(timer)
}
