/** Rows for many attempts in one request. */
import { join } from 'node:path'
import { batchPosts, linesPosts } from '../support/attempts.ts'
import { cycle } from '../support/http-load.ts'
import { byCpu, describe, type Load, measureServer, rates } from '../support/measured-server.ts'
import { atLeast, type Bench, type Row, type RowText, short, withoutTarget } from '../support/row.ts'
import { FULL_JOURNAL, startFloor, startSidecar } from '../support/servers.ts'
import { interleave, median, ratios, type Spread } from '../support/statistics.ts'

const KEYS = 100
const CONNECTIONS = 8
const BARE = 'bare node:http + JSON.parse of the same'
/** The upper limit for a durable server on node:http: no validation, counting or metrics. */
const WRITTEN = 'bare group commit (parse, write, fsync)'

export async function batchRows(bench: Bench): Promise<Row[]> {
  const ours = await startSidecar({ store: join(bench.folder, 'batch.json'), args: FULL_JOURNAL })
  const bare = await startFloor('bare', bench.folder)
  const written = await startFloor('written', bench.folder)
  const lines = await startFloor('lines', bench.folder)
  const load = (posts: readonly Buffer[]): Load => ({ requests: cycle(posts), connections: CONNECTIONS })
  const [hundred, thousand, stream] = [batchPosts(100, KEYS), batchPosts(1000, KEYS), linesPosts(1000, KEYS)]
  try {
    const measured = await interleave(bench.rounds, {
      'bare, 100': () => measureServer(bare, load(hundred), bench),
      'kept, 100': () => measureServer(ours, load(hundred), bench),
      'bare, 1000': () => measureServer(bare, load(thousand), bench),
      'written, 1000': () => measureServer(written, load(thousand), bench),
      'kept, 1000': () => measureServer(ours, load(thousand), bench),
      'bare, lines': () => measureServer(lines, load(stream), bench),
      'kept, lines': () => measureServer(ours, load(stream), bench),
    })
    for (const text of describe(measured)) bench.log(text)
    const textOf = (
      figure: string,
      against: string,
      ours: keyof typeof measured,
      theirs: keyof typeof measured,
      size: number,
    ): RowText => {
      const note = `${perSecond(rates(measured[ours]), size)} attempts/s against ${perSecond(rates(measured[theirs]), size)}`
      return { figure, against, note: `${note}${byCpu(measured[ours], measured[theirs])}` }
    }
    const ratioOf = (ours: keyof typeof measured, theirs: keyof typeof measured): Spread =>
      ratios(rates(measured[ours]), rates(measured[theirs]))
    const row = (
      figure: string,
      value: number,
      kept: keyof typeof measured,
      floor: keyof typeof measured,
      size: number,
    ): Row => atLeast(textOf(figure, BARE, kept, floor, size), { value, unit: '×' }, ratioOf(kept, floor))
    const limit = (figure: string, against: string, ours: keyof typeof measured, theirs: keyof typeof measured): Row =>
      withoutTarget(textOf(figure, against, ours, theirs, 1000), { unit: '×' }, ratioOf(ours, theirs))
    return [
      row('batch of 100, kept, 8 connections', 0.4, 'kept, 100', 'bare, 100', 100),
      row('batch of 1,000, kept, 8 connections', 0.5, 'kept, 1000', 'bare, 1000', 1000),
      limit(`batch of 1,000, ${WRITTEN}`, BARE, 'written, 1000', 'bare, 1000'),
      limit('batch of 1,000, kept, 8 connections', WRITTEN, 'kept, 1000', 'written, 1000'),
      row('NDJSON stream of 1,000 lines, kept, 8 connections', 0.4, 'kept, lines', 'bare, lines', 1000),
    ]
  } finally {
    await Promise.all([ours, bare, written, lines].map(server => server.stop()))
  }
}

const perSecond = (numbers: readonly number[], size: number): string => short(median(numbers) * size)
