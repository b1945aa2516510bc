/** What an agent picked by draws costs in successes, beside the same agent always and an agent at random. */
import { type PickEvidence, pickByDraw } from '../../../src/core/reports/pick.ts'
import { createRandom } from '../../../src/core/statistics/random.ts'
import { listed, type Measurement, type Simulation } from './simulation.ts'

const PULLS = 2_000
const HISTORIES = 20

/** The true success rate of each agent. The first agent is the one that is picked without evidence. */
const RATES = { 'best by 20 points': [0.5, 0.7, 0.4], 'best by 5 points': [0.6, 0.65, 0.55] }

const NAMES = ['A', 'B', 'C'] as const

interface Tried extends PickEvidence {
  readonly successes: number
}

/** Successes that picking by draws loses against the best agent, in expectation over the outcomes, in one history. */
function regretOfDraws(rates: readonly number[], history: number): number {
  const random = createRandom(`pick ${history}`)
  const tried = new Map<string, Tried>()
  let regret = 0
  for (let pull = 0; pull < PULLS; pull++) {
    const agent = pickByDraw(NAMES, [...tried.values()], `${history} ${pull}`)!
    const rate = rates[NAMES.indexOf(agent)]!
    regret += Math.max(...rates) - rate
    const before = tried.get(agent) ?? { successes: 0, attempts: 0 }
    const attempts = before.attempts + 1
    const successes = before.successes + (random() < rate ? 1 : 0)
    tried.set(agent, {
      agent_name: agent,
      model_name: 'm',
      success_rate: (successes / attempts) * 100,
      attempts,
      successes,
    })
  }
  return regret
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function measure(rates: readonly number[]): Measurement {
  const best = Math.max(...rates)
  const drawn = mean(Array.from({ length: HISTORIES }, (_, history) => regretOfDraws(rates, history)))
  const uniform = PULLS * (best - mean(rates))
  const first = PULLS * (best - rates[0]!)
  const entries = [
    ['pickAgent', drawn],
    ['uniform', uniform],
    ['always the first', first],
  ] as const
  return {
    measured: listed(entries.map(([who, regret]) => [who, regret.toFixed(0)])),
    holds: drawn < 0.5 * Math.min(uniform, first),
  }
}

export const pickSimulations: readonly Simulation[] = Object.entries(RATES).map(([name, rates]) => ({
  name: `regret of pickAgent over 2,000 picks of three agents, ${name}`,
  promise: 'loses less than half the successes that uniform picks or always the first lose against always the best',
  run: () => measure(rates),
}))
