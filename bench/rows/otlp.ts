/** Rows for attempts as OpenTelemetry log records and spans. */
import { join } from 'node:path'
import { askJson } from '../support/ask.ts'
import { post, type Requests } from '../support/http-load.ts'
import { byCpu, describe, measureServer, rates } from '../support/measured-server.ts'
import { otlpLogs, otlpSpans, withNewIds } from '../support/otlp-body.ts'
import { atLeast, type Bench, type Row, short } from '../support/row.ts'
import { type Floor, FULL_JOURNAL, startFloor, startSidecar } from '../support/servers.ts'
import { interleave, median, ratios } from '../support/statistics.ts'

const BATCH = 512
const CONNECTIONS = 8
const KEYS = 10_000

const PROTOBUF = 'application/x-protobuf'

interface Batches {
  readonly name: string
  readonly floor: Floor
  readonly requests: Requests
}

export async function otlpRows(bench: Bench): Promise<Row[]> {
  // An attempt that is sent again counts once: every request has new ids.
  const logs = post('/v1/logs', await otlpLogs(BATCH, KEYS, 'protobuf'), PROTOBUF)
  const json = post('/v1/logs', await otlpLogs(BATCH, KEYS, 'json'))
  const spans = post('/v1/traces', await otlpSpans(BATCH, KEYS), PROTOBUF)
  return [
    await rowOf({ name: 'OTLP protobuf', floor: 'otlp-protobuf', requests: withNewIds(logs) }, bench),
    await rowOf({ name: 'OTLP json', floor: 'otlp-json', requests: withNewIds(json) }, bench),
    await rowOf({ name: 'OTLP protobuf spans', floor: 'otlp-spans', requests: withNewIds(spans) }, bench),
  ]
}

async function rowOf({ name, floor: decoder, requests }: Batches, bench: Bench): Promise<Row> {
  const ours = await startSidecar({
    store: join(bench.folder, `${name.replace(/\W+/g, '-')}.json`),
    args: FULL_JOURNAL,
  })
  const decode = await startFloor(decoder, bench.folder)
  const load = { requests, connections: CONNECTIONS }
  try {
    const { kept, floor } = await interleave(bench.rounds, {
      floor: () => measureServer(decode, load, bench),
      kept: () => measureServer(ours, load, bench),
    })
    for (const text of describe({ [`${name}, decoded`]: floor, [`${name}, kept`]: kept })) bench.log(text)
    const { summary } = await askJson<{ summary: { total_attempts: number } }>(ours.port, '/api/v1/report')
    const answered = kept.reduce((sum, one) => sum + one.answered, 0)
    if (summary.total_attempts < answered * BATCH) throw new Error(`only ${summary.total_attempts} were counted`)
    const [ourRates, floorRates] = [rates(kept), rates(floor)]
    const perSecond = `${short(median(ourRates) * BATCH)} attempts/s against ${short(median(floorRates) * BATCH)}`
    const text = {
      figure: `${name} batches of ${BATCH}, kept, ${CONNECTIONS} connections`,
      against: 'node:http + decoding alone',
      note: `${perSecond}${byCpu(kept, floor)}`,
    }
    return atLeast(text, { value: 0.5, unit: '×' }, ratios(ourRates, floorRates))
  } finally {
    await Promise.all([ours.stop(), decode.stop()])
  }
}
