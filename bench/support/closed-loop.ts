/** A closed loop: every connection sends its next request after the previous answer. Measures the maximum rate of a server. */
import { type LoadResult, openConnections, type Requests, type Target } from './http-load.ts'
import { quantile } from './statistics.ts'

export interface ClosedLoop extends Target {
  readonly requests: Requests
  readonly warmUpMs: number
  readonly ms: number
}

/** Runs the loop for `warmUpMs` and then `ms`. Counts only answers of the second period. */
export async function closedLoop({ requests, warmUpMs, ms, ...target }: ClosedLoop): Promise<LoadResult> {
  const { promise: over, resolve, reject } = Promise.withResolvers<void>()
  const connections = await openConnections(target, reject)
  const latencies: number[] = []
  let measuring = false
  let stopped = false
  let refused = 0
  let running = connections.length
  for (const connection of connections) {
    let sentAt = 0
    const send = (): void => {
      if (stopped) {
        if (--running === 0) resolve()
        return
      }
      sentAt = performance.now()
      connection.send(requests.next(), take)
    }
    const take = (status: number): void => {
      if (measuring) latencies.push(performance.now() - sentAt)
      if (status >= 300) refused++
      send()
    }
    send()
  }
  let tookMs = 0
  let answered = 0
  setTimeout(() => {
    measuring = true
    const startMs = performance.now()
    setTimeout(() => {
      measuring = false
      answered = latencies.length
      tookMs = performance.now() - startMs
      stopped = true
    }, ms)
  }, warmUpMs)
  await over.finally(() => {
    for (const connection of connections) connection.close()
  })
  const sorted = Float64Array.from(latencies).sort()
  return {
    answered,
    perSecond: (answered / tookMs) * 1000,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    refused,
  }
}
