/** Rows for the cost of `/metrics`, and how long it blocks the event loop. */
import { setTimeout as pause } from 'node:timers/promises'
import type { ScrapeTimes } from '../measures/scrape.ts'
import { ask, askJson } from '../support/ask.ts'
import { MEASURE } from '../support/in-process.ts'
import { startPinned } from '../support/pinned.ts'
import { atLeast, atMost, type Bench, type Row, short } from '../support/row.ts'
import { median, ratios, spread } from '../support/statistics.ts'

export async function scrapeRows(bench: Bench): Promise<Row[]> {
  return [...(await rowsOf(10_000, bench)), ...(await rowsOf(50_000, bench))]
}

async function rowsOf(lines: number, bench: Bench): Promise<Row[]> {
  const server = startPinned(process.execPath, ['--expose-gc', MEASURE, 'scrape', String(lines)])
  try {
    const port = Number((await server.says(/http:\/\/127\.0\.0\.1:(\d+)/))[1])
    const times: ScrapeTimes[] = []
    const stalls: number[] = []
    for (let round = -2; round < bench.rounds; round++) {
      const rendered = await askJson<ScrapeTimes>(port, '/render')
      await ask(port, '/change')
      await ask(port, '/stall')
      // The monitor ignores the first event-loop iteration after a reset.
      await pause(20)
      await ask(port, '/metrics')
      const { ms } = await askJson<{ ms: number }>(port, '/stall')
      if (round < 0) continue
      times.push(rendered)
      stalls.push(ms)
    }
    return tableRows(lines, times, stalls)
  } finally {
    await server.stop()
  }
}

function tableRows(lines: number, times: readonly ScrapeTimes[], stalls: readonly number[]): Row[] {
  const figure = `/metrics, ${lines.toLocaleString('en')} lines`
  const ours = times.map(one => one.oursMs)
  const theirs = times.map(one => one.exporterMs)
  const unchanged = times.map(one => one.unchangedMs)
  const note = `${times[0]!.lines} lines, every key changed: ${short(median(ours))} ms against ${short(median(theirs))} ms; nothing changed: ${short(median(unchanged))} ms`
  const peers = times.map(one => one.promClientMs)
  const peerNote = `the same names, results and buckets: ${short(median(peers))} ms for as many lines`
  return [
    atLeast({ figure, against: 'prom-client', note: peerNote }, { value: 4, unit: '×' }, ratios(peers, ours)),
    atLeast({ figure, against: 'the OpenTelemetry exporter', note }, { value: 15, unit: '×' }, ratios(theirs, ours)),
    atMost(
      { figure: `${figure}: longest stall`, against: '', note: 'every key changed, over HTTP' },
      { value: 5, unit: ' ms' },
      spread(stalls),
    ),
  ]
}
