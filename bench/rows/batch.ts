/** Many attempts in one request. */
import { join } from 'node:path'
import { batchPosts, linesPosts } from '../support/attempts.ts'
import { cycle } from '../support/http-load.ts'
import { byCpu, describe, type Load, measureServer, rates } from '../support/measured-server.ts'
import { atLeast, type Bench, type Row, short } from '../support/row.ts'
import { startFloor, startSidecar } from '../support/servers.ts'
import { interleave, median, ratios } from '../support/statistics.ts'

const KEYS = 100
const CONNECTIONS = 8

export async function batchRows(bench: Bench): Promise<Row[]> {
  const ours = await startSidecar({ store: join(bench.folder, 'batch.json') })
  const bare = await startFloor('bare', bench.folder)
  const lines = await startFloor('lines', bench.folder)
  const load = (posts: readonly Buffer[]): Load => ({ requests: cycle(posts), connections: CONNECTIONS })
  const [hundred, thousand, stream] = [batchPosts(100, KEYS), batchPosts(1000, KEYS), linesPosts(1000, KEYS)]
  try {
    const found = await interleave(bench.rounds, {
      'bare, 100': () => measureServer(bare, load(hundred), bench),
      'kept, 100': () => measureServer(ours, load(hundred), bench),
      'bare, 1000': () => measureServer(bare, load(thousand), bench),
      'kept, 1000': () => measureServer(ours, load(thousand), bench),
      'bare, lines': () => measureServer(lines, load(stream), bench),
      'kept, lines': () => measureServer(ours, load(stream), bench),
    })
    for (const text of describe(found)) bench.say(text)
    const against = 'bare node:http + JSON.parse of the same'
    const row = (
      figure: string,
      value: number,
      kept: keyof typeof found,
      floor: keyof typeof found,
      size: number,
    ): Row =>
      atLeast(
        {
          figure,
          against,
          note: `${perSecond(rates(found[kept]), size)} attempts/s against ${perSecond(rates(found[floor]), size)}${byCpu(found[kept], found[floor])}`,
        },
        { value, unit: '×' },
        ratios(rates(found[kept]), rates(found[floor])),
      )
    return [
      row('batch of 100, kept, 8 connections', 0.4, 'kept, 100', 'bare, 100', 100),
      row('batch of 1,000, kept, 8 connections', 0.5, 'kept, 1000', 'bare, 1000', 1000),
      row('NDJSON stream of 1,000 lines, kept, 8 connections', 0.4, 'kept, lines', 'bare, lines', 1000),
    ]
  } finally {
    await Promise.all([ours, bare, lines].map(server => server.stop()))
  }
}

const perSecond = (numbers: readonly number[], size: number): string => short(median(numbers) * size)
