/**
 * `npm run test:chaos -- [minutes] [seed]`: kills a sidecar under load for some minutes, 10 by default, and audits its stores. Exits
 * with 1 if an acknowledged attempt was lost, counted twice or wrong. A seed repeats the random choices, but not the timing.
 */
import { createRandom, type Random } from '../../src/core/statistics/random.ts'
import { HEAVY_KILL_POINTS, type KillPoint } from './kill-points.ts'
import { describeOutcome, isClean, killPointsFor, type Outcome, runKills, sumOf } from './kill-runs.ts'

/** After this many kills the store is audited, and the next run uses a new store. */
const KILLS_PER_STORE = 25

const [minutes = '10', seed = String(Date.now())] = process.argv.slice(2)
if (!(Number(minutes) > 0)) throw new Error(`not a number of minutes: ${minutes}`)
const random = createRandom(seed)
const endMs = performance.now() + Number(minutes) * 60_000

const outcomes: Outcome[] = []
process.stdout.write(`seed ${seed}, ${minutes} min\n`)
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
if (!isClean(all)) {
  process.stdout.write(`${all.faults.length} faults. Repeat with: npm run test:chaos -- ${minutes} ${seed}\n`)
  process.exitCode = 1
}

/** The kill points of a store. Every third store also gets the heavy ones, for which segments fill under load. */
function killPointsOf(store: number, random: Random): KillPoint[] {
  const points = killPointsFor(KILLS_PER_STORE, random)
  if (store % 3 !== 0) return points
  for (const heavy of HEAVY_KILL_POINTS) points.splice(1 + Math.floor(random() * (points.length - 1)), 1, heavy)
  return points
}
