/** An open loop: requests arrive as a Poisson process whatever the server does, and wait from the moment they were meant to be sent. */
import { createRandom } from '../../src/core/statistics/random.ts'
import { type Connection, type LoadResult, openConnections, type Requests, type Target } from './http-load.ts'
import { quantile } from './statistics.ts'

export interface OpenLoop extends Target {
  readonly requests: Requests
  readonly perSecond: number
  readonly warmUpMs: number
  readonly ms: number
}

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
  let under = 0
  let refused = 0

  function send(connection: Connection, intended: number): void {
    under++
    connection.send(requests.next(), status => {
      under--
      if (intended >= measureFrom) latencies.push(performance.now() - intended)
      if (status >= 300) refused++
      const next = waiting.shift()
      if (next === undefined) idle.push(connection)
      else send(connection, next)
    })
  }

  // A timer would come up to a millisecond late: this core has nothing else to do.
  function turn(): void {
    const now = performance.now()
    for (; due <= now && due < endMs; due -= (Math.log(1 - random()) / perSecond) * 1000) {
      const connection = idle.pop()
      if (connection === undefined) waiting.push(due)
      else send(connection, due)
    }
    if (now < endMs || under > 0) setImmediate(turn)
    else resolve()
  }
  turn()
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
