/** Rows for attempts as OpenTelemetry log records. */
import { join } from 'node:path'
import { askJson } from '../support/ask.ts'
import { cycle, post } from '../support/http-load.ts'
import { byCpu, describe, measureServer, rates } from '../support/measured-server.ts'
import { otlpBody } from '../support/otlp-body.ts'
import { atLeast, type Bench, type Row, short } from '../support/row.ts'
import { FULL_JOURNAL, startFloor, startSidecar } from '../support/servers.ts'
import { interleave, median, ratios } from '../support/statistics.ts'

const BATCH = 512
const CONNECTIONS = 8

const MEDIA = { protobuf: 'application/x-protobuf', json: 'application/json' } as const

export async function otlpRows(bench: Bench): Promise<Row[]> {
  return [await rowOf('protobuf', bench), await rowOf('json', bench)]
}

async function rowOf(encoding: keyof typeof MEDIA, bench: Bench): Promise<Row> {
  const request = post('/v1/logs', await otlpBody(BATCH, 100, encoding), MEDIA[encoding])
  const ours = await startSidecar({ store: join(bench.folder, `otlp-${encoding}.json`), args: FULL_JOURNAL })
  const decode = await startFloor(`otlp-${encoding}`, bench.folder)
  const load = { requests: cycle([request]), connections: CONNECTIONS }
  try {
    const { kept, floor } = await interleave(bench.rounds, {
      floor: () => measureServer(decode, load, bench),
      kept: () => measureServer(ours, load, bench),
    })
    for (const text of describe({ [`otlp ${encoding}, decoded`]: floor, [`otlp ${encoding}, kept`]: kept }))
      bench.log(text)
    const { summary } = await askJson<{ summary: { total_attempts: number } }>(ours.port, '/api/v1/report')
    const answered = kept.reduce((sum, one) => sum + one.answered, 0)
    if (summary.total_attempts < answered * BATCH) throw new Error(`only ${summary.total_attempts} were counted`)
    const [ourRates, floorRates] = [rates(kept), rates(floor)]
    const perSecond = `${short(median(ourRates) * BATCH)} attempts/s against ${short(median(floorRates) * BATCH)}`
    const text = {
      figure: `OTLP ${encoding} batches of ${BATCH}, kept, ${CONNECTIONS} connections`,
      against: 'node:http + decoding alone',
      note: `${perSecond}${byCpu(kept, floor)}`,
    }
    return atLeast(text, { value: 0.5, unit: '×' }, ratios(ourRates, floorRates))
  } finally {
    await Promise.all([ours.stop(), decode.stop()])
  }
}
