/** Rows for the stores that several sidecars may share, each beside the file store in the same round. */
import { mkdir, mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import type { LagOfOne } from '../measures/lag.ts'
import type { CatchUp, StoreRate } from '../measures/stores.ts'
import { hasPostgres, startPostgres } from '../peers/postgres.ts'
import { hasRedis, startRedis } from '../peers/redis.ts'
import { measure, measureOn } from '../support/in-process.ts'
import { absent, atLeast, atMost, type Bench, type Row, short } from '../support/row.ts'
import { interleave, median, quantile, ratios, spread } from '../support/statistics.ts'
import { outcomeRows } from './outcomes.ts'

/** Clients and attempts in each of their appends. */
const LOADS = [
  { clients: 64, batch: 1, name: '64 clients, single' },
  { clients: 8, batch: 100, name: '8 clients, batches of 100' },
  { clients: 8, batch: 1000, name: '8 clients, batches of 1,000' },
] as const

const CATCH_UP = 1_000_000
const LAG = { sidecars: 4, perSecond: 17_000 }

interface StoreKind {
  readonly name: string
  /** At least this share of the file store's rate. */
  readonly share: number
  /** A target of its own for each use. Undefined where its server is not installed. */
  readonly targetOf: ((use: string) => string) | undefined
}

interface Servers {
  readonly kinds: readonly StoreKind[]
  stop(): Promise<unknown>
}

export async function storeRows(bench: Bench): Promise<Row[]> {
  const { kinds, stop } = await startServers(join(bench.folder, 'stores'), bench.folder)
  try {
    const rows: Row[] = []
    for (const load of LOADS) rows.push(...(await appendRows(bench, kinds, load)))
    rows.push(...(await outcomeRows(bench, kinds)))
    for (const kind of kinds) rows.push(...(await sharedRows(bench, kind)))
    return rows
  } finally {
    await stop()
  }
}

/** The servers run on the core of the load, because a sidecar and its database rarely share one. */
async function startServers(folder: string, parent: string): Promise<Servers> {
  await mkdir(folder)
  const redisFolder = join(folder, 'redis')
  await mkdir(redisFolder)
  const postgres = hasPostgres ? await startPostgres(parent, 1, 1) : undefined
  const redis = hasRedis ? await startRedis(redisFolder, 1) : undefined
  const inPostgres = (rows: string): StoreKind['targetOf'] =>
    postgres && (use => `${postgres.url}&schema=${use.replaceAll(/\W/g, '_')}_${rows}&rows=${rows}`)
  return {
    kinds: [
      { name: 'SQLite', share: 0.55, targetOf: use => `sqlite:${join(folder, `${use}.db`)}` },
      { name: 'PostgreSQL, rows=off', share: 0.55, targetOf: inPostgres('off') },
      { name: 'PostgreSQL with rows', share: 0.25, targetOf: inPostgres('on') },
      {
        name: 'Redis, AOF always',
        share: 0.55,
        targetOf: redis && (use => `redis://127.0.0.1:${redis.port}?name=${use}`),
      },
    ],
    stop: () => Promise.all([postgres?.stop(), redis?.stop()]),
  }
}

async function appendRows(bench: Bench, kinds: readonly StoreKind[], load: (typeof LOADS)[number]): Promise<Row[]> {
  const run = (target: string) => () =>
    measure<StoreRate>('store-append', target, String(load.clients), String(load.batch), String(bench.ms))
  const use = `append-${load.clients}-${load.batch}`
  const there = kinds.filter(({ targetOf }) => targetOf !== undefined)
  const measured = await interleave(bench.rounds, {
    file: run(join(bench.folder, `${use}.json`)),
    ...Object.fromEntries(there.map(({ name, targetOf }) => [name, run(targetOf!(use))])),
  } as Record<string, () => Promise<StoreRate>>)
  for (const [name, rates] of Object.entries(measured)) {
    const of = (figure: keyof StoreRate): string => short(median(rates.map(one => one[figure])))
    bench.log(
      `${name}, ${load.name}: ${of('perSecond')}/s, p50 ${of('p50')} ms, p99 ${of('p99')} ms, ${of('cpu')} µs of CPU each`,
    )
  }
  const rate = (name: string): number[] => measured[name]!.map(one => one.perSecond)
  return kinds.flatMap(({ name, share, targetOf }) => {
    const text = { figure: `${name}: ${load.name}`, against: 'the file store' }
    if (targetOf === undefined) return [absent(text, `≥ ${share}×`, 'its server is not installed')]
    const note = `${short(median(rate(name)))}/s against ${short(median(rate('file')))}/s`
    const rows = [atLeast({ ...text, note }, { value: share, unit: '×' }, ratios(rate(name), rate('file')))]
    if (load.batch === 1)
      rows.push(
        atMost(
          { figure: `${text.figure}: p50 of an append`, against: '' },
          { value: 1, unit: ' ms' },
          spread(measured[name]!.map(one => one.p50)),
        ),
      )
    return rows
  })
}

/** Lag to other sidecars, and catching up with what others wrote. */
async function sharedRows(bench: Bench, { name, targetOf }: StoreKind): Promise<Row[]> {
  if (targetOf === undefined) return []
  const rounds = Math.ceil(bench.rounds / 2)
  const lags: Lag[] = []
  const catchUps: CatchUp[] = []
  await measure('store-fill', targetOf('catch-up'), String(CATCH_UP))
  for (let round = 0; round < rounds; round++) {
    lags.push(await measureLag(bench, targetOf(`lag-${round}`)))
    catchUps.push(await measure('store-catch-up', targetOf('catch-up')))
  }
  for (const { records } of catchUps)
    if (records !== CATCH_UP) throw new Error(`${name}: a start folded ${records} of ${CATCH_UP} attempts`)
  const of = (figure: 'p99' | 'perSecond' | 'append'): string => short(median(lags.map(one => one[figure])))
  return [
    atMost(
      {
        figure: `${name}: lag to another sidecar, ${LAG.sidecars} together at ${LAG.perSecond.toLocaleString('en')}/s: p50`,
        against: '',
        note: `p99 ${of('p99')} ms; ${of('perSecond')}/s, p50 of an append ${of('append')} ms`,
      },
      { value: 5, unit: ' ms' },
      spread(lags.map(one => one.p50)),
    ),
    atLeast(
      {
        figure: `${name}: catch-up of a sidecar without a snapshot`,
        against: '',
        note: `${short(median(catchUps.map(one => (one.cpuMs * 1000) / CATCH_UP)))} µs of CPU each`,
      },
      { value: 300_000, unit: ' attempts/s' },
      spread(catchUps.map(({ ms }) => (CATCH_UP / ms) * 1000)),
    ),
  ]
}

interface Lag {
  /** Milliseconds from the answer for an attempt until another sidecar has folded it. */
  readonly p50: number
  readonly p99: number
  /** Attempts of all sidecars. */
  readonly perSecond: number
  /** The median time of an append in milliseconds. */
  readonly append: number
}

/** The sidecars are processes of their own on both cores, which they share with the server. */
async function measureLag({ folder, ms }: Bench, target: string): Promise<Lag> {
  const ready = await mkdtemp(join(folder, 'ready-'))
  const args = [target, String(LAG.sidecars), String(LAG.perSecond), String(ms), ready]
  const sidecars = await Promise.all(
    Array.from({ length: LAG.sidecars }, () => measureOn<LagOfOne>('0,1', 'store-lag', ...args)),
  )
  const answeredMs = new Map(sidecars.flatMap(({ answered }) => answered))
  const lags = sidecars.flatMap(({ folded }) =>
    folded.flatMap(([id, atMs]) => {
      const answered = answeredMs.get(id)
      // Another sidecar may be quicker than the answer.
      return answered === undefined ? [] : [Math.max(0, atMs - answered)]
    }),
  )
  const sorted = Float64Array.from(lags).sort()
  return {
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    perSecond: (sidecars.reduce((sum, { sent }) => sum + sent, 0) / ms) * 1000,
    append: median(sidecars.map(({ append }) => append)),
  }
}
