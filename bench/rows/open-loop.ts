/** Latency rows in an open loop: requests arrive independently of the server's answers. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { ask } from '../support/ask.ts'
import { singlePosts } from '../support/attempts.ts'
import { cycle, type LoadResult } from '../support/http-load.ts'
import { openLoop } from '../support/open-loop.ts'
import { quiet } from '../support/pinned.ts'
import { atMost, type Bench, type Row, short } from '../support/row.ts'
import { type Server, startFloor, startSidecar } from '../support/servers.ts'
import { interleave, median, quantile, ratios, spread } from '../support/statistics.ts'

const KEYS = 100
const CONNECTIONS = 64
const FSYNCS = 1000
const SCRAPE_EVERY_MS = 1000

export async function openLoopRows(bench: Bench): Promise<Row[]> {
  const ours = await startSidecar({ store: join(bench.folder, 'open-loop.json') })
  const bare = await startFloor('bare', bench.folder)
  const requests = cycle(singlePosts(KEYS))
  const load = async (server: Server, perSecond: number): Promise<LoadResult> => {
    await quiet(server.pid)
    return openLoop({
      port: server.port,
      connections: CONNECTIONS,
      requests,
      perSecond,
      warmUpMs: bench.warmUpMs,
      ms: bench.ms * 2,
    })
  }
  try {
    const measured = await interleave(bench.rounds, {
      bare: () => load(bare, 1000),
      kept: () => load(ours, 1000),
      fsync: async () => ({ p50: fsyncMs(bench.folder), p99: Number.NaN }),
      busy: () => withScrapes(ours, () => load(ours, bench.topRate / 2)),
    })
    return rowsOf(measured, bench.topRate / 2)
  } finally {
    await Promise.all([ours.stop(), bare.stop()])
  }
}

type Latency = Pick<LoadResult, 'p50' | 'p99'>

function rowsOf(
  measured: Readonly<Record<'bare' | 'kept' | 'fsync' | 'busy', readonly Latency[]>>,
  half: number,
): Row[] {
  const of = (name: keyof typeof measured, figure: 'p50' | 'p99'): number[] => measured[name].map(one => one[figure])
  const beyond = of('kept', 'p50').map((ms, round) => ms - measured.fsync[round]!.p50)
  const figure = 'open loop (Poisson), 1,000/s'
  const p50s = `${short(median(of('kept', 'p50')))} ms, an fsync ${short(median(of('fsync', 'p50')))} ms, bare ${short(median(of('bare', 'p50')))} ms`
  const p99s = `${short(median(of('kept', 'p99')))} ms against ${short(median(of('bare', 'p99')))} ms`
  return [
    atMost(
      { figure: `${figure}: p50 of the answer`, against: 'minus p50 of an fsync', note: p50s },
      { value: 0.4, unit: ' ms' },
      spread(beyond),
    ),
    atMost(
      { figure: `${figure}: p99`, against: "bare node:http's", note: p99s },
      { value: 2.5, unit: '×' },
      ratios(of('kept', 'p99'), of('bare', 'p99')),
    ),
    atMost(
      {
        figure: 'open loop at half of the maximum rate, with a scrape per second and document writes: p99',
        against: '',
        note: `${short(half)}/s; p50 ${short(median(of('busy', 'p50')))} ms`,
      },
      { value: 8, unit: ' ms' },
      spread(of('busy', 'p99')),
    ),
  ]
}

/** The median time, in milliseconds, to append one attempt to a file and fsync it. */
function fsyncMs(folder: string): number {
  const fd = openSync(join(folder, 'fsyncs.ndjson'), 'a')
  const line = Buffer.alloc(220, 97)
  const times: number[] = []
  for (let i = 0; i < FSYNCS; i++) {
    const startMs = performance.now()
    writeSync(fd, line)
    fdatasyncSync(fd)
    times.push(performance.now() - startMs)
  }
  closeSync(fd)
  return quantile(
    times.sort((a, b) => a - b),
    0.5,
  )
}

async function withScrapes<T>(server: Server, work: () => Promise<T>): Promise<T> {
  let failed: unknown
  const scrapes = setInterval(() => {
    ask(server.port, '/metrics').catch((error: unknown) => {
      failed = error
    })
  }, SCRAPE_EVERY_MS)
  const result = await work().finally(() => clearInterval(scrapes))
  if (failed !== undefined) throw failed
  return result
}
