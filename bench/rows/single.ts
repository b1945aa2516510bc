/** Rows for one attempt per request, durable before the answer. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hasPostgres, startPostgres } from '../peers/postgres.ts'
import { hasPushgateway, pushes, startPushgateway } from '../peers/pushgateway.ts'
import { hasRedis, redisBareRate, redisClientRate, startRedis } from '../peers/redis.ts'
import { attemptsOf, singlePosts } from '../support/attempts.ts'
import { cycle } from '../support/http-load.ts'
import { byCpu, describe, measureServer, type Rate, rates } from '../support/measured-server.ts'
import { absent, atLeast, type Bench, type Row, short, withoutTarget } from '../support/row.ts'
import { startFloor, startSidecar } from '../support/servers.ts'
import { interleave, median, ratios } from '../support/statistics.ts'

const KEYS = 100
const CONNECTIONS = 64
const FIGURE = 'single POST, kept, 64 connections'
const BARE = 'bare node:http that parses and answers 204'
/** The upper limit for a durable server on node:http: no validation, counting or metrics. */
const WRITTEN = 'bare group commit (parse, write, fsync)'

type Measure = () => Promise<Rate>

/** Starts all servers, and returns how to measure each. Skips the peers that are not installed. */
async function startAll(bench: Bench): Promise<{ contenders: Record<string, Measure>; stop: () => Promise<unknown> }> {
  const contenders: Record<string, Measure> = {}
  const started: { stop(): Promise<void> }[] = []
  const serve = async (
    name: string,
    starting: ReturnType<typeof startSidecar>,
    posts: readonly Buffer[],
  ): Promise<void> => {
    const server = await starting
    started.push(server)
    const requests = cycle(posts)
    contenders[name] = () => measureServer(server, { requests, connections: CONNECTIONS }, bench)
  }
  const sidecar = (name: string): ReturnType<typeof startSidecar> =>
    startSidecar({ store: join(bench.folder, `${name}.json`) })
  await serve('bare', startFloor('bare', bench.folder), singlePosts(KEYS))
  await serve('written', startFloor('written', bench.folder), singlePosts(KEYS))
  await serve('fsync each', startFloor('fsync', bench.folder), singlePosts(KEYS))
  await serve('kept', sidecar('single'), singlePosts(KEYS))
  await serve('kept, 1 key', sidecar('one-key'), singlePosts(1))
  await serve('kept, 10,000 keys', sidecar('many-keys'), singlePosts(10_000))
  if (hasPushgateway) {
    await serve('pushgateway', startPushgateway({ check: true }), pushes(KEYS))
    await serve('pushgateway, check off', startPushgateway({ check: false }), pushes(KEYS))
  }
  if (hasRedis) {
    const folder = join(bench.folder, 'redis')
    await mkdir(folder)
    const redis = await startRedis(folder)
    started.push(redis)
    const attempts = attemptsOf(1000, KEYS)
    const rateBy = (rate: typeof redisClientRate) => async () => ({
      perSecond: await rate(redis.port, attempts, CONNECTIONS, bench),
    })
    contenders.redis = rateBy(redisClientRate)
    contenders['redis, on bare sockets'] = rateBy(redisBareRate)
  }
  if (hasPostgres) {
    const postgres = await startPostgres(bench.folder, KEYS)
    started.push(postgres)
    contenders.postgres = async () => ({ perSecond: await postgres.rate(CONNECTIONS, bench) })
  }
  return { contenders, stop: () => Promise.all(started.map(one => one.stop())) }
}

export async function singleRows(bench: Bench): Promise<Row[]> {
  const { contenders, stop } = await startAll(bench)
  try {
    const measured = await interleave(bench.rounds, contenders)
    for (const text of describe(measured)) bench.log(text)
    bench.topRate = median(rates(measured.kept!))
    return rowsOf(measured)
  } finally {
    await stop()
  }
}

function rowsOf(measured: Readonly<Record<string, readonly Rate[]>>): Row[] {
  const noteOf = (ours: readonly Rate[], theirs: readonly Rate[]): string =>
    `${short(median(rates(ours)))}/s against ${short(median(rates(theirs)))}/s${byCpu(ours, theirs)}`
  const row = (against: string, value: number, floor: string, why: string, kept = 'kept', figure = FIGURE): Row => {
    const [ours, theirs] = [measured[kept]!, measured[floor]]
    if (theirs === undefined) return absent({ figure, against }, `≥ ${value}×`, why)
    const text = { figure, against, note: noteOf(ours, theirs) }
    return atLeast(text, { value, unit: '×' }, ratios(rates(ours), rates(theirs)))
  }
  const limit = (figure: string, against: string, ours: readonly Rate[], theirs: readonly Rate[]): Row =>
    withoutTarget({ figure, against, note: noteOf(ours, theirs) }, { unit: '×' }, ratios(rates(ours), rates(theirs)))
  const gateway = 'prometheus-pushgateway is not installed'
  return [
    row(BARE, 0.7, 'bare', ''),
    limit(`${WRITTEN}, 64 connections`, BARE, measured.written!, measured.bare!),
    limit(FIGURE, WRITTEN, measured.kept!, measured.written!),
    row('one fsync per request', 10, 'fsync each', ''),
    row("pushgateway's push to 100 groups (keeps nothing), default", 25, 'pushgateway', gateway),
    row("pushgateway's push to 100 groups, check off", 2, 'pushgateway, check off', gateway),
    row('PostgreSQL insert + upsert (pgbench: no client costs less)', 3, 'postgres', 'PostgreSQL is not installed'),
    row('Redis, AOF always, from Node by its client', 1.5, 'redis', 'redis-server is not installed'),
    row('the rate at 1 key', 0.95, 'kept, 1 key', '', 'kept, 10,000 keys', 'single POST, kept, 10,000 keys'),
  ]
}
