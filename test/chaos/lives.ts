/** Many lives of one store: each but the last ends by SIGKILL, and then everything is counted. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Random } from '../../src/core/statistics/random.ts'
import { audit, auditDocument, type Verdict } from './audit.ts'
import { largeSizes, load, mixedSizes, settle } from './client.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { killAt, MOMENTS, type Moment } from './moments.ts'
import { end, spawnSidecar, urlOf } from './spawned.ts'

export interface Outcome extends Verdict {
  readonly kills: number
  /** Kills by moment, those whose moment really came. */
  readonly hits: ReadonlyMap<string, number>
  readonly attempts: number
  readonly acknowledged: number
  /** The longest time from the start of the process to its readiness. */
  readonly slowestStartMs: number
}

interface Lives {
  readonly store: string
  readonly ledger: Ledger
  readonly random: Random
  readonly hits: Map<string, number>
  readonly faults: string[]
  slowestStartMs: number
}

/** Lives through the moments on a store of its own, which stays for whoever looks into it where something was wrong. */
export async function livesOf(moments: readonly Moment[], random: Random): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-performance-chaos-'))
  const store = join(folder, 'agent_performance.json')
  const lives: Lives = { store, ledger: createLedger(), random, hits: new Map(), faults: [], slowestStartMs: 0 }
  const verdict = await allLives(moments, lives)
  const faults = [...verdict.faults, ...lives.faults]
  if (isClean({ ...verdict, faults })) await rm(folder, { recursive: true })
  else faults.push(`what is left of the store is in ${folder}`)
  const { sent, kept } = lives.ledger.counts
  return {
    ...verdict,
    faults,
    kills: moments.length,
    hits: lives.hits,
    attempts: sent,
    acknowledged: kept,
    slowestStartMs: lives.slowestStartMs,
  }
}

/** A life that cannot be lived, because no sidecar starts or an answer is none that there may be, is a fault. */
async function allLives(moments: readonly Moment[], lives: Lives): Promise<Verdict> {
  let moment: Moment | undefined
  try {
    for (moment of moments) await live(moment, lives)
    return await lastLife(lives)
  } catch (error) {
    const fault = `after a kill ${moment?.name}: ${error instanceof Error ? error.stack : error}`
    return { lost: 0, double: 0, wrong: 0, faults: [fault] }
  }
}

/** Whether nothing at all was wrong. */
export const isClean = ({ lost, double, wrong, faults }: Verdict): boolean =>
  lost + double + wrong + faults.length === 0

async function live(moment: Moment, lives: Lives): Promise<void> {
  const { store, ledger, random, hits } = lives
  const startMs = performance.now()
  await using sidecar = spawnSidecar(store)
  const book = (came: boolean): unknown => came && hits.set(moment.name, (hits.get(moment.name) ?? 0) + 1)
  if (moment.atStart) return void book(await killAt(moment, sidecar, store, random))
  const url = await urlOf(sidecar)
  lives.slowestStartMs = Math.max(lives.slowestStartMs, performance.now() - startMs)
  await checkTotal(url, lives)
  const killed = killAt(moment, sidecar, store, random)
  const clients = moment.heavy ? 2 : 8
  await load(url, { ledger, random, sizes: moment.heavy ? largeSizes : mixedSizes, clients })
  book(await killed)
  if (/"level":"(error|fatal)"/.test(sidecar.log())) lives.faults.push(`it complained: ${sidecar.log()}`)
}

/** After a kill: at least all that was acknowledged, at most what got no answer besides. */
async function checkTotal(url: string, { ledger, faults }: Lives): Promise<void> {
  const total = await totalOf(url)
  const { kept, open } = ledger.counts
  if (total < kept || total > kept + open) faults.push(`${total} counted after a kill, of ${kept} to ${kept + open}`)
}

export async function totalOf(url: string): Promise<number> {
  const report = (await (await fetch(`${url}/api/v1/report`)).json()) as { summary: { total_attempts: number } }
  return report.summary.total_attempts
}

/** Sends what is open again, counts, stops, reads what is left behind, and counts once more after another start. */
async function lastLife({ store, ledger, random }: Lives): Promise<Verdict> {
  await using sidecar = spawnSidecar(store)
  const url = await urlOf(sidecar)
  await settle(url, ledger, random)
  const verdict = await audit(url, store, ledger)
  const exit = await end(sidecar, 'SIGTERM')
  const faults = [...verdict.faults, ...(await auditDocument(store, ledger))]
  if (exit !== 0) faults.push(`it ended with ${exit}: ${sidecar.log()}`)
  await using again = spawnSidecar(store)
  const total = await totalOf(await urlOf(again))
  if (total !== ledger.counts.kept) faults.push(`${total} counted after a clean stop, of ${ledger.counts.kept}`)
  return { ...verdict, faults }
}

/** Every moment once, then any, in an order of chance. The first life has nothing to watch yet. */
export function momentsFor(kills: number, random: Random): Moment[] {
  const some = MOMENTS.slice(1)
  while (some.length < kills - 1) some.push(MOMENTS[Math.floor(random() * MOMENTS.length)]!)
  for (let i = some.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[some[i], some[j]] = [some[j]!, some[i]!]
  }
  return [MOMENTS[0]!, ...some.slice(0, kills - 1)]
}

/** Outcomes of several stores as one. */
export function sumOf(outcomes: readonly Outcome[]): Outcome {
  const hits = new Map<string, number>()
  for (const one of outcomes) for (const [name, count] of one.hits) hits.set(name, (hits.get(name) ?? 0) + count)
  const sum = (of: (outcome: Outcome) => number): number => outcomes.reduce((total, one) => total + of(one), 0)
  return {
    lost: sum(one => one.lost),
    double: sum(one => one.double),
    wrong: sum(one => one.wrong),
    faults: outcomes.flatMap(one => one.faults),
    kills: sum(one => one.kills),
    hits,
    attempts: sum(one => one.attempts),
    acknowledged: sum(one => one.acknowledged),
    slowestStartMs: Math.max(...outcomes.map(one => one.slowestStartMs)),
  }
}

/** One paragraph for people. */
export function describeOutcome({
  kills,
  hits,
  attempts,
  acknowledged,
  lost,
  double,
  wrong,
  slowestStartMs,
}: Outcome): string {
  const moments = [...hits].map(([name, count]) => `  ${String(count).padStart(4)} ${name}`)
  const counts = `${kills} kills, ${attempts} attempts, ${acknowledged} acknowledged: lost ${lost}, double ${double}, wrong ${wrong}`
  return [counts, ...moments, `  slowest start ${Math.round(slowestStartMs)} ms`].join('\n')
}
