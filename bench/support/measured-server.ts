/** A closed loop against one server, with its CPU use. Below one core, something else limited the rate. */
import { type ClosedLoop, closedLoop } from './closed-loop.ts'
import type { LoadResult } from './http-load.ts'
import { cpuSeconds, quiet } from './pinned.ts'
import { type Bench, short } from './row.ts'
import type { Server } from './servers.ts'
import { median, ratios } from './statistics.ts'

export interface ServerLoad extends LoadResult {
  /** CPU use of the server in cores, 0 to 1 or more. */
  readonly busy: number
}

export type Load = Pick<ClosedLoop, 'requests' | 'connections'>

/** Waits until the server is idle, then measures. Throws if an answer was not 2xx. */
export async function measureServer(
  server: Pick<Server, 'pid' | 'port'>,
  load: Load,
  bench: Bench,
): Promise<ServerLoad> {
  await quiet(server.pid)
  const before = cpuSeconds(server.pid)
  const startMs = performance.now()
  const result = await closedLoop({ ...load, port: server.port, warmUpMs: bench.warmUpMs, ms: bench.ms })
  const busy = (cpuSeconds(server.pid) - before) / ((performance.now() - startMs) / 1000)
  if (result.refused > 0) throw new Error(`${result.refused} requests were refused`)
  return { ...result, busy }
}

/** A rate per second, with latencies and CPU use if it was measured over HTTP. */
export interface Rate extends Partial<ServerLoad> {
  readonly perSecond: number
}

export const rates = (loads: readonly Rate[]): number[] => loads.map(load => load.perSecond)

/** One line of text per server: rate, latencies and CPU use. */
export function describe(loads: Readonly<Record<string, readonly Rate[]>>): string[] {
  return Object.entries(loads).map(([name, results]) => {
    const of = (figure: 'perSecond' | 'p50' | 'p99' | 'busy'): number =>
      median(results.map(one => one[figure] ?? Number.NaN))
    const cpu = `${short((of('busy') * 1e6) / of('perSecond'))} µs of CPU each, ${short(of('busy') * 100)} % of a core`
    const times = `p50 ${short(of('p50'))} ms, p99 ${short(of('p99'))} ms, ${cpu}`
    return `${name}: ${short(of('perSecond'))}/s${Number.isNaN(of('busy')) ? '' : `, ${times}`}`
  })
}

/** The ratio of `ours` to `theirs` by CPU per answer, as text. More stable than rates if other processes use the cores. */
export function byCpu(ours: readonly Rate[], theirs: readonly Rate[]): string {
  const perCore = (loads: readonly Rate[]): number[] => loads.map(one => one.perSecond / (one.busy ?? Number.NaN))
  const { median: ratio } = ratios(perCore(ours), perCore(theirs))
  return Number.isNaN(ratio) ? '' : `; by CPU used ${short(ratio)}×`
}
