/** Rows for attempts as OpenTelemetry log records and spans. */
import { join } from 'node:path'
import { COLLECTOR, collectorVersion, type Pipeline, startCollector } from '../peers/collector.ts'
import { askJson } from '../support/ask.ts'
import { post } from '../support/http-load.ts'
import { byCpu, describe, type Load, measureServer, rates, type ServerLoad } from '../support/measured-server.ts'
import { otlpLogs, otlpSpans, withNewIds } from '../support/otlp-body.ts'
import { absent, atLeast, type Bench, type Row, type RowText, short, withoutTarget } from '../support/row.ts'
import { type Floor, FULL_JOURNAL, type Server, startFloor, startSidecar } from '../support/servers.ts'
import { interleave, median, ratios } from '../support/statistics.ts'

const BATCH = 512
const CONNECTIONS = 8
const KEYS = 10_000

const PROTOBUF = 'application/x-protobuf'

/** Requests of one kind, the server that only decodes them, and what a Collector does with them. */
interface Kind {
  readonly name: string
  readonly body: Buffer
  readonly floor: Floor
  readonly pipeline: Pipeline | undefined
}

const LOGS = 'OTLP protobuf'
const JSON_LOGS = 'OTLP json'
const SPANS = 'OTLP protobuf spans'

export async function otlpRows(bench: Bench): Promise<Row[]> {
  const kinds: readonly Kind[] = [
    {
      name: LOGS,
      body: post('/v1/logs', await otlpLogs(BATCH, KEYS, 'protobuf'), PROTOBUF),
      floor: 'otlp-protobuf',
      pipeline: 'logs',
    },
    {
      name: JSON_LOGS,
      body: post('/v1/logs', await otlpLogs(BATCH, KEYS, 'json')),
      floor: 'otlp-json',
      pipeline: undefined,
    },
    {
      name: SPANS,
      body: post('/v1/traces', await otlpSpans(BATCH, KEYS), PROTOBUF),
      floor: 'otlp-spans',
      pipeline: 'spans',
    },
  ]
  await using servers = new AsyncDisposableStack()
  const contenders: Record<string, () => Promise<ServerLoad>> = {}
  const sidecars = new Map<string, Server>()
  for (const kind of kinds) {
    // An attempt that is sent again counts once: every request has new ids.
    const load: Load = { requests: withNewIds(kind.body), connections: CONNECTIONS }
    for (const [name, server] of await start(kind, bench)) {
      servers.defer(() => server.stop())
      contenders[name] = () => measureServer(server, load, bench)
      if (name === kept(kind.name)) sidecars.set(name, server)
    }
  }
  const measured = await interleave(bench.rounds, contenders)
  for (const text of describe(measured)) bench.log(text)
  for (const [name, server] of sidecars) await checkCounted(server, measured[name]!)
  return rowsOf(measured, COLLECTOR && (await collectorVersion(COLLECTOR)))
}

const decoded = (name: string): string => `${name}, decoded`
const kept = (name: string): string => `${name}, kept`
const collected = (name: string): string => `${name}, Collector`

/** The servers that take requests of a kind, by what the figures are called. */
async function start({ name, floor, pipeline }: Kind, { folder }: Bench): Promise<ReadonlyMap<string, Server>> {
  const store = join(folder, `${name.replace(/\W+/g, '-')}.json`)
  const started = new Map([
    [decoded(name), await startFloor(floor, folder)],
    [kept(name), await startSidecar({ store, args: FULL_JOURNAL })],
  ])
  if (COLLECTOR !== undefined && pipeline !== undefined)
    started.set(collected(name), await startCollector(COLLECTOR, pipeline, folder))
  return started
}

async function checkCounted({ port }: Server, loads: readonly ServerLoad[]): Promise<void> {
  const { summary } = await askJson<{ summary: { total_attempts: number } }>(port, '/api/v1/report')
  const answered = loads.reduce((sum, one) => sum + one.answered, 0)
  if (summary.total_attempts < answered * BATCH) throw new Error(`only ${summary.total_attempts} were counted`)
}

const figureOf = (name: string): string => `${name} batches of ${BATCH}, kept, ${CONNECTIONS} connections`

function rowsOf(measured: Readonly<Record<string, readonly ServerLoad[]>>, collector: string | undefined): Row[] {
  const compared = (figure: string, against: string, ours: string, theirs: string): RowText => {
    const [of, floor] = [measured[ours]!, measured[theirs]!]
    const perSecond = `${short(median(rates(of)) * BATCH)}/s against ${short(median(rates(floor)) * BATCH)}/s`
    return { figure, against, note: `${perSecond}${byCpu(of, floor)}` }
  }
  const ratio = (ours: string, theirs: string) => ratios(rates(measured[ours]!), rates(measured[theirs]!))

  const ofDecoding = [LOGS, JSON_LOGS, SPANS].map(name => {
    const text = compared(figureOf(name), 'node:http + decoding alone', kept(name), decoded(name))
    return atLeast(text, { value: 0.5, unit: '×' }, ratio(kept(name), decoded(name)))
  })
  const ofLogs = atLeast(
    compared(figureOf(SPANS), 'the same of log records', kept(SPANS), kept(LOGS)),
    { value: 0.74, unit: '×' },
    ratio(kept(SPANS), kept(LOGS)),
  )
  const ofCollector = PEERS.map(([name, against]) => {
    if (collector === undefined) return absent({ figure: figureOf(name), against }, '–', NO_COLLECTOR)
    const text = compared(figureOf(name), against, kept(name), collected(name))
    return withoutTarget(
      { ...text, note: `${text.note}; ${collector}` },
      { unit: '×' },
      ratio(kept(name), collected(name)),
    )
  })
  return [...ofDecoding, ofLogs, ...ofCollector]
}

const PEERS = [
  [LOGS, 'a Collector: queue on disk with fsync'],
  [SPANS, 'a Collector: spanmetrics, in memory'],
] as const
const NO_COLLECTOR = 'OTELCOL names no Collector, and otelcol-contrib is not on the PATH'
