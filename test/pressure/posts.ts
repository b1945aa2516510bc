/**
 * The recording client of a pressure run, as a worker: single POSTs in an open loop. They are due at a fixed rate, independent of the
 * sidecar. Latency is measured from the due time, so that a stalled sidecar cannot hide its delay (coordinated omission).
 */
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { pressureAttempt } from './attempts.ts'

export interface PostsOptions {
  readonly port: number
  readonly perSecond: number
  readonly connections: number
  readonly ms: number
}

export interface PostsResult {
  readonly sent: number
  /** Latencies in milliseconds of the attempts acknowledged at the first try, sorted. */
  readonly latencies: Float64Array
  /** Number of other answers by status. 0: the connection broke. Each attempt was sent again with its id until acknowledged. */
  readonly again: Readonly<Record<number, number>>
}

const { port, perSecond, connections, ms } = workerData as PostsOptions
const agent = new http.Agent({ keepAlive: true, maxSockets: connections })
const headers = { 'Content-Type': 'application/json' }
const again: Record<number, number> = {}
const latencies: number[] = []
let open = 0

function post(body: string): Promise<number> {
  return new Promise(resolve => {
    const options = { host: '127.0.0.1', port, method: 'POST', path: '/api/v1/attempts', agent, headers }
    const req = http.request({ ...options, headers: { ...headers, 'Content-Length': Buffer.byteLength(body) } }, res =>
      res.resume().on('end', () => resolve(res.statusCode!)),
    )
    req.on('error', () => resolve(0)).end(body)
  })
}

/** Sends an attempt until it is acknowledged. */
async function record(number: number, dueMs: number): Promise<void> {
  open++
  const body = JSON.stringify(pressureAttempt('post', number))
  let status = await post(body)
  if (status === 200) latencies.push(performance.now() - dueMs)
  for (; status !== 200; status = await post(body)) {
    again[status] = (again[status] ?? 0) + 1
    await pause(1000)
  }
  open--
}

let sent = 0
const startMs = performance.now()
while (performance.now() - startMs < ms) {
  for (; (sent * 1000) / perSecond <= performance.now() - startMs; sent++)
    void record(sent, startMs + (sent * 1000) / perSecond)
  await pause(1)
}
while (open > 0) await pause(10)
agent.destroy()
const result: PostsResult = { sent, latencies: Float64Array.from(latencies).sort(), again }
parentPort!.postMessage(result)
