/**
 * `npm run test:chaos -- [minutes] [seed]`: kills a sidecar under load until the minutes are over, 10 by default, and counts. Ends with 1 where
 * anything acknowledged was lost, counted twice or wrong. A seed gives the same choices again, though not the same races.
 */
import { createRandom, type Random } from '../../src/core/statistics/random.ts'
import { describeOutcome, isClean, livesOf, momentsFor, type Outcome, sumOf } from './lives.ts'
import { HEAVY_MOMENTS, type Moment } from './moments.ts'

/** Then everything is counted, and a new store begins. */
const KILLS_OF_A_STORE = 25

const [minutes = '10', seed = String(Date.now())] = process.argv.slice(2)
if (!(Number(minutes) > 0)) throw new Error(`not a number of minutes: ${minutes}`)
const random = createRandom(seed)
const endMs = performance.now() + Number(minutes) * 60_000

const outcomes: Outcome[] = []
process.stdout.write(`seed ${seed}, ${minutes} min\n`)
do {
  const outcome = await livesOf(momentsOf(outcomes.length, random), random)
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
  process.stdout.write(`${all.faults.length} faults. Again: npm run test:chaos -- ${minutes} ${seed}\n`)
  process.exitCode = 1
}

/** Some lives of every third store are so busy that segments fill and snapshots come under load. */
function momentsOf(store: number, random: Random): Moment[] {
  const moments = momentsFor(KILLS_OF_A_STORE, random)
  if (store % 3 !== 0) return moments
  for (const heavy of HEAVY_MOMENTS) moments.splice(1 + Math.floor(random() * (moments.length - 1)), 1, heavy)
  return moments
}
