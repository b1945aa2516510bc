/** An open loop: requests arrive as a Poisson process, independent of the server. Latency is measured from the intended send time. */
import { createRandom } from '../../src/core/statistics/random.ts'
import { type Connection, type LoadResult, openConnections, type Requests, type Target } from './http-load.ts'
import { quantile } from './statistics.ts'

export interface OpenLoop extends Target {
  readonly requests: Requests
  readonly perSecond: number
  readonly warmUpMs: number
  readonly ms: number
}

/** Runs the loop for `warmUpMs` and then `ms`. Counts only requests that were due in the second period. */
export async function openLoop({ requests, perSecond, warmUpMs, ms, ...target }: OpenLoop): Promise<LoadResult> {
  const { promise: over, resolve, reject } = Promise.withResolvers<void>()
  const connections = await openConnections(target, reject)
  const idle: Connection[] = [...connections]
  const waiting: number[] = []
  const latencies: number[] = []
  const random = createRandom(perSecond)
  const startMs = performance.now()
  const measureFrom = startMs + warmUpMs
  const endMs = measureFrom + ms
  let due = startMs
  let inFlight = 0
  let refused = 0

  function send(connection: Connection, intended: number): void {
    inFlight++
    connection.send(requests.next(), status => {
      inFlight--
      if (intended >= measureFrom) latencies.push(performance.now() - intended)
      if (status >= 300) refused++
      const next = waiting.shift()
      if (next === undefined) idle.push(connection)
      else send(connection, next)
    })
  }

  // Busy-waits, because a timer can be a millisecond late. This core has no other work.
  function poll(): void {
    const now = performance.now()
    for (; due <= now && due < endMs; due -= (Math.log(1 - random()) / perSecond) * 1000) {
      const connection = idle.pop()
      if (connection === undefined) waiting.push(due)
      else send(connection, due)
    }
    if (now < endMs || inFlight > 0) setImmediate(poll)
    else resolve()
  }
  poll()
  await over.finally(() => {
    for (const connection of connections) connection.close()
  })
  const sorted = Float64Array.from(latencies).sort()
  return {
    answered: sorted.length,
    perSecond: (sorted.length / ms) * 1000,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    refused,
  }
}
