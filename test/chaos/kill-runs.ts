/** Consecutive runs of a sidecar on one store. Each but the last ends by SIGKILL. The last run audits the store. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Random } from '../../src/core/statistics/random.ts'
import { audit, auditDocument, type Verdict } from './audit.ts'
import { largeSizes, load, mixedSizes, resendUnanswered } from './client.ts'
import { ALERTS_CONFIG, differsFromFacts, targetAlerts } from './final-facts.ts'
import { KILL_POINTS, type KillPoint, killAt } from './kill-points.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { answersOf, differences } from './shared-answers.ts'
import { end, type Spawned, spawnSidecar, urlOf } from './spawned.ts'

export interface Outcome extends Verdict {
  readonly kills: number
  /** Number of kills that hit their kill point, by its name. */
  readonly hits: ReadonlyMap<string, number>
  readonly attempts: number
  readonly acknowledged: number
  /** Acknowledged outcomes. */
  readonly outcomes: number
  /** The longest time from the start of a process to its readiness. */
  readonly slowestStartMs: number
}

/** State shared by the runs of one store. */
interface Runs {
  readonly store: string
  readonly ledger: Ledger
  readonly random: Random
  readonly hits: Map<string, number>
  readonly faults: string[]
  slowestStartMs: number
}

/** Runs a sidecar once per kill point on a new store, then audits it. Keeps the store's folder if there was a fault. */
export async function runKills(points: readonly KillPoint[], random: Random): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-performance-chaos-'))
  const store = join(folder, 'agent_performance.json')
  await writeFile(configOf(store), ALERTS_CONFIG)
  const runs: Runs = {
    store,
    ledger: createLedger({ isImmediate: true }),
    random,
    hits: new Map(),
    faults: [],
    slowestStartMs: 0,
  }
  const verdict = await allRuns(points, runs)
  const faults = [...verdict.faults, ...runs.faults]
  if (isClean({ ...verdict, faults })) await rm(folder, { recursive: true })
  else faults.push(`the store is in ${folder}`)
  const { sent, kept } = runs.ledger.counts
  return {
    ...verdict,
    faults,
    kills: points.length,
    hits: runs.hits,
    attempts: sent,
    acknowledged: kept,
    outcomes: runs.ledger.outcomes.counts.kept,
    slowestStartMs: runs.slowestStartMs,
  }
}

const configOf = (store: string): string => `${store}.yaml`

const spawnOn = (store: string): Spawned => spawnSidecar(store, { args: ['--config', configOf(store)] })

/** A run that fails, because no sidecar starts or an answer breaks the contract, is a fault. */
async function allRuns(points: readonly KillPoint[], runs: Runs): Promise<Verdict> {
  let point: KillPoint | undefined
  try {
    for (point of points) await runUntilKilled(point, runs)
    return await auditRun(runs)
  } catch (error) {
    const fault = `after a kill ${point?.name}: ${error instanceof Error ? error.stack : error}`
    return { lost: 0, double: 0, wrong: 0, faults: [fault] }
  }
}

/** Whether there was no error and no fault. */
export const isClean = ({ lost, double, wrong, faults }: Verdict): boolean =>
  lost + double + wrong + faults.length === 0

async function runUntilKilled(point: KillPoint, runs: Runs): Promise<void> {
  const { store, ledger, random, hits } = runs
  const startMs = performance.now()
  await using sidecar = spawnOn(store)
  const countHit = (isHit: boolean): unknown => isHit && hits.set(point.name, (hits.get(point.name) ?? 0) + 1)
  if (point.atStart) return void countHit(await killAt(point, sidecar, store, random))
  const url = await urlOf(sidecar)
  runs.slowestStartMs = Math.max(runs.slowestStartMs, performance.now() - startMs)
  await checkTotal(url, runs)
  const killed = killAt(point, sidecar, store, random)
  const clients = point.heavy ? 2 : 8
  await load(url, { ledger, random, sizes: point.heavy ? largeSizes : mixedSizes, clients })
  countHit(await killed)
  if (/"level":"(error|fatal)"/.test(sidecar.log())) runs.faults.push(`the sidecar logged an error: ${sidecar.log()}`)
}

/** After a kill, the total is at least the acknowledged attempts with a result, and at most those plus the unanswered ones. */
async function checkTotal(url: string, { ledger, faults }: Runs): Promise<void> {
  const total = await totalOf(url)
  const { certain, most } = ledger.decided()
  if (total < certain || total > most) faults.push(`${total} counted after a kill, of ${certain} to ${most}`)
}

/** The number of attempts in the sidecar's report. */
export async function totalOf(url: string): Promise<number> {
  const report = (await (await fetch(`${url}/api/v1/report`)).json()) as { summary: { total_attempts: number } }
  return report.summary.total_attempts
}

/** Resends what is unanswered, audits the sidecar, stops it, audits its document, and compares its answers after a restart. */
async function auditRun({ store, ledger, random }: Runs): Promise<Verdict> {
  await using sidecar = spawnOn(store)
  const url = await urlOf(sidecar)
  await resendUnanswered(url, ledger, random)
  const verdict = await audit(url, store, ledger)
  const answers = await answersOf(url)
  const faults = [...verdict.faults, ...(await differsFromFacts(answers, store, ledger))]
  const exit = await end(sidecar, 'SIGTERM')
  faults.push(...(await auditDocument(store, ledger)))
  if (exit !== 0) faults.push(`it ended with ${exit}: ${sidecar.log()}`)
  const begun = await targetAlerts(store)
  if (begun !== 1) faults.push(`the log says ${begun} times that one target began to be missed`)
  await using again = spawnOn(store)
  faults.push(...differences(await answersOf(await urlOf(again)), answers).map(text => `after a clean stop: ${text}`))
  return { ...verdict, faults }
}

/** Every kill point once, then random ones, shuffled. The first run is killed at a random time: no file exists to watch. */
export function killPointsFor(kills: number, random: Random): KillPoint[] {
  const some = KILL_POINTS.slice(1)
  while (some.length < kills - 1) some.push(KILL_POINTS[Math.floor(random() * KILL_POINTS.length)]!)
  for (let i = some.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[some[i], some[j]] = [some[j]!, some[i]!]
  }
  return [KILL_POINTS[0]!, ...some.slice(0, kills - 1)]
}

/** The sum of the outcomes of several stores. */
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
    outcomes: sum(one => one.outcomes),
    slowestStartMs: Math.max(...outcomes.map(one => one.slowestStartMs)),
  }
}

/** The outcome as text. */
export function describeOutcome({
  kills,
  hits,
  attempts,
  acknowledged,
  outcomes,
  lost,
  double,
  wrong,
  slowestStartMs,
}: Outcome): string {
  const points = [...hits].map(([name, count]) => `  ${String(count).padStart(4)} ${name}`)
  const counts = `${kills} kills, ${attempts} attempts, ${acknowledged} acknowledged, ${outcomes} outcomes acknowledged: lost ${lost}, double ${double}, wrong ${wrong}`
  return [counts, ...points, `  slowest start ${Math.round(slowestStartMs)} ms`].join('\n')
}
