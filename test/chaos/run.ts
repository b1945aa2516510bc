/**
 * `npm run test:chaos -- [--store file|sqlite|postgres|redis] [minutes] [seed]`: kills sidecars under load for some minutes, 10 by default, and
 * audits their stores. Exits with 1 if an acknowledged attempt was lost, counted twice or wrong. A seed repeats the random choices, but not the
 * timing.
 */
import { parseArgs } from 'node:util'
import { createRandom, type Random } from '../../src/core/statistics/random.ts'
import type { Verdict } from './audit.ts'
import { HEAVY_KILL_POINTS, type KillPoint } from './kill-points.ts'
import { describeOutcome, isClean, killPointsFor, type Outcome, runKills, sumOf } from './kill-runs.ts'
import { describeShared, runShared } from './shared-runs.ts'
import { isSharedStore, type SharedStoreName } from './shared-servers.ts'

/** After this many kills the store is audited, and the next run uses a new store. */
const KILLS_PER_STORE = 25
/** Kills of sidecars and of the server of a shared store, per minute. */
const SHARED_KILLS = { sidecars: 5, server: 1 }

const { values, positionals } = parseArgs({
  options: { store: { type: 'string', default: 'file' } },
  allowPositionals: true,
})
const { store } = values
const [minutes = '10', seed = String(Date.now())] = positionals
if (!(Number(minutes) > 0)) throw new Error(`not a number of minutes: ${minutes}`)
const random = createRandom(seed)
process.stdout.write(`seed ${seed}, ${minutes} min\n`)
if (isSharedStore(store)) await killShared(store, Number(minutes))
else if (store === 'file') await killOne(performance.now() + Number(minutes) * 60_000)
else throw new Error(`--store ${store}: use file, sqlite, postgres or redis`)

/** Three sidecars that share a store. */
async function killShared(store: SharedStoreName, minutes: number): Promise<void> {
  const outcome = await runShared({
    store,
    seconds: minutes * 60,
    sidecarKills: Math.ceil(minutes * SHARED_KILLS.sidecars),
    serverKills: Math.ceil(minutes * SHARED_KILLS.server),
    random,
  })
  process.stdout.write(`${store}: ${describeShared(outcome)}\n`)
  for (const fault of outcome.faults) process.stdout.write(`fault: ${fault}\n`)
  end(outcome)
}

/** One sidecar after the other on a file store, and again on the next store. */
async function killOne(endMs: number): Promise<void> {
  const outcomes: Outcome[] = []
  do {
    const outcome = await runKills(killPointsOf(outcomes.length, random), random)
    outcomes.push(outcome)
    for (const fault of outcome.faults) process.stdout.write(`fault: ${fault}\n`)
    const { kills, acknowledged, lost, double, wrong } = outcome
    process.stdout.write(
      `store ${outcomes.length}: ${kills} kills, ${acknowledged} acknowledged, lost ${lost}, double ${double}, wrong ${wrong}\n`,
    )
  } while (performance.now() < endMs)
  const all = sumOf(outcomes)
  process.stdout.write(`seed ${seed}: ${describeOutcome(all)}\n`)
  end(all)
}

function end(verdict: Verdict): void {
  if (isClean(verdict)) return
  const { faults } = verdict
  process.stdout.write(
    `${faults.length} faults. Repeat with: npm run test:chaos -- --store ${store} ${minutes} ${seed}\n`,
  )
  process.exitCode = 1
}

/** The kill points of a store. Every third store also gets the heavy ones, for which segments fill under load. */
function killPointsOf(store: number, random: Random): KillPoint[] {
  const points = killPointsFor(KILLS_PER_STORE, random)
  if (store % 3 !== 0) return points
  for (const heavy of HEAVY_KILL_POINTS) points.splice(1 + Math.floor(random() * (points.length - 1)), 1, heavy)
  return points
}
