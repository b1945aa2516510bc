/** Attempts as OpenTelemetry log records. */
import { join } from 'node:path'
import { askJson } from '../support/ask.ts'
import { cycle, post } from '../support/http-load.ts'
import { byCpu, describe, measureServer, rates } from '../support/measured-server.ts'
import { otlpBody } from '../support/otlp-body.ts'
import { atLeast, type Bench, type Row, short } from '../support/row.ts'
import { startFloor, startSidecar } from '../support/servers.ts'
import { interleave, median, ratios } from '../support/statistics.ts'

const BATCH = 512
const CONNECTIONS = 8

export async function otlpRows(bench: Bench): Promise<Row[]> {
  const request = post('/v1/logs', await otlpBody(BATCH, 100), 'application/x-protobuf')
  const ours = await startSidecar({ store: join(bench.folder, 'otlp.json') })
  const decode = await startFloor('otlp', bench.folder)
  const load = { requests: cycle([request]), connections: CONNECTIONS }
  try {
    const found = await interleave(bench.rounds, {
      'otlp, decoded': () => measureServer(decode, load, bench),
      'otlp, kept': () => measureServer(ours, load, bench),
    })
    for (const text of describe(found)) bench.say(text)
    const { summary } = await askJson<{ summary: { total_attempts: number } }>(ours.port, '/api/v1/report')
    const answered = found['otlp, kept'].reduce((sum, one) => sum + one.answered, 0)
    if (summary.total_attempts < answered * BATCH) throw new Error(`only ${summary.total_attempts} were counted`)
    const [kept, floor] = [rates(found['otlp, kept']), rates(found['otlp, decoded'])]
    const note = `${short(median(kept) * BATCH)} attempts/s against ${short(median(floor) * BATCH)}${byCpu(found['otlp, kept'], found['otlp, decoded'])}`
    const text = {
      figure: 'OTLP protobuf batches of 512, kept, 8 connections',
      against: 'node:http + decoding alone',
      note,
    }
    return [atLeast(text, { value: 0.5, unit: '×' }, ratios(kept, floor))]
  } finally {
    await Promise.all([ours.stop(), decode.stop()])
  }
}
