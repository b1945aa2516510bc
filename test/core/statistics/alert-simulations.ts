/** Simulates alerts as they are evaluated: again and again while attempts arrive, over weeks, for many agents, with late attempts. */
import { type AlertSettings, alertId, DEFAULT_ALERT_SETTINGS } from '../../../src/core/alerts/alert.ts'
import { COST_ALPHA } from '../../../src/core/alerts/rules.ts'
import { shortfallThreshold } from '../../../src/core/alerts/target-alerts.ts'
import { type CostCounts, costRatio } from '../../../src/core/statistics/cost-ranking.ts'
import { createRandom, drawNormal, type Random } from '../../../src/core/statistics/random.ts'
import { createShortfallDetector } from '../../../src/core/statistics/shortfall.ts'
import { createWorld, DAY_MS, HOUR_MS, MINUTE_MS, START_MS, type World } from '../alerts/world.ts'
import { listed, median, percent, type Simulation } from './simulation.ts'

const AGENTS = 20
/** Attempts of each of 20 agents until the simulation of a detector ends. */
const ROUNDS = 20_000

/** Alarms of 20 detectors in {@link ROUNDS} rounds of one attempt each, looked at after every attempt. */
function alarmsOf(draw: () => { readonly reference: number; readonly success: boolean }): number {
  let alarms = 0
  for (let agent = 0; agent < AGENTS; agent++) {
    const detector = createShortfallDetector(shortfallThreshold(AGENTS))
    let isAlarm = false
    for (let round = 0; round < ROUNDS; round++) {
      const { reference, success } = draw()
      detector.add(reference, success ? 1 : 0, 1, round)
      const { isAlarm: now } = detector.state()
      if (now && !isAlarm) alarms++
      isAlarm = now
    }
  }
  return alarms
}

const oneIn = (attempts: number, alarms: number): string =>
  alarms === 0 ? `none in ${attempts}` : `one in ${Math.round(attempts / alarms)}`

/** The median number of attempts until one of 20 detectors finds a shortfall from the first attempt on. */
function delayOf(random: Random, reference: number, rate: number): number {
  return median(
    Array.from({ length: 101 }, () => {
      const detector = createShortfallDetector(shortfallThreshold(AGENTS))
      for (let n = 1; ; n++) {
        detector.add(reference, random() < rate ? 1 : 0, 1, n)
        if (detector.state().isAlarm) return n
      }
    }),
  )
}

/** Sums of costs and successes of a day. */
interface Day extends CostCounts {
  readonly squares: number
}

function merged(days: readonly Day[]): CostCounts {
  const sum = (of: (day: Day) => number): number => days.reduce((total, day) => total + of(day), 0)
  const [n, total, squares] = [sum(day => day.costs.n), sum(day => day.costs.sum), sum(day => day.squares)]
  const costs = {
    ...NO_LOGS,
    n,
    reported: n,
    sum: total,
    squared_deviations: squares - (total * total) / Math.max(1, n),
  }
  return { attempts: sum(day => day.attempts), successes: sum(day => day.successes), costs }
}

const NO_LOGS = { computed: 0, positive: 0, log_sum: 0, log_sum_of_squares: 0, squared_deviations: 0 }

/** Attempts at log-normal costs, 80 % of which succeed. */
function spend(random: Random, attempts: number, sigma: number, factor = 1): Day {
  let [sum, squares, successes] = [0, 0, 0]
  for (let i = 0; i < attempts; i++) {
    const cost = factor * Math.exp(sigma * drawNormal(random))
    sum += cost
    squares += cost * cost
    if (random() < 0.8) successes++
  }
  return { attempts, successes, squares, costs: { ...NO_LOGS, n: attempts, reported: attempts, sum } }
}

const isDear = (ratio: ReturnType<typeof costRatio>): boolean =>
  ratio !== undefined && ratio.ratio >= 1.5 && ratio.low > 1

/** Alerts of 20 agents in `days` days, looked at every two hours, with 48 attempts a day of each. */
function costAlarms(random: Random, sigma: number, days: number): number {
  let alarms = 0
  for (let agent = 0; agent < AGENTS; agent++) {
    const past = Array.from({ length: 29 }, () => spend(random, 48, sigma))
    let before = false
    for (let day = 0; day < days; day++) {
      const earlier = merged(past.slice(0, 28))
      const today: Day[] = []
      let now = false
      for (let look = 0; look < 12; look++) {
        today.push(spend(random, 4, sigma))
        now ||= isDear(costRatio(earlier, merged([past[28]!, ...today]), COST_ALPHA / AGENTS))
      }
      if (now && !before) alarms++
      before = now
      past.shift()
      past.push({ ...merged(today), squares: today.reduce((sum, { squares }) => sum + squares, 0) })
    }
  }
  return alarms
}

/** Hours until the alert after costs double at midnight, after 28 days. */
function costDelay(random: Random, attemptsAnHour: number): number {
  const earlier = merged(Array.from({ length: 28 }, () => spend(random, 24 * attemptsAnHour, 1)))
  const later: Day[] = []
  for (let hour = 1; hour < 24 * 14; hour++) {
    later.push(spend(random, attemptsAnHour, 1, 2))
    // Yesterday is part of the later period.
    const since = Math.max(0, Math.floor(hour / 24) - 1) * 24
    if (isDear(costRatio(earlier, merged(later.slice(since)), COST_ALPHA / AGENTS))) return hour
  }
  return 24 * 14
}

/** Settings with only these rules on. */
function only(...names: readonly string[]): AlertSettings {
  const off = ['AgentSuccessDrift', 'AgentSuccessRose', 'AgentOverconfident', 'AgentCostPerSuccessRose', 'AgentSilent']
  return {
    ...DEFAULT_ALERT_SETTINGS,
    rules: new Map(off.map(name => [name, { isEnabled: names.includes(name) }])),
  }
}

/** Whether an agent works at a time: from 8 to 18 o'clock on working days, or always. */
const WORKS: readonly ((atMs: number) => boolean)[] = [
  atMs => {
    const at = new Date(atMs)
    return at.getUTCDay() % 6 !== 0 && at.getUTCHours() >= 8 && at.getUTCHours() < 18
  },
  () => true,
]

/** Records the attempts of an hour: independent, `perHour` on average while the agent works. Each is recorded up to `lateMinutes` late. */
function workHour(
  world: World,
  random: Random,
  agent: number,
  perHour: number,
  given: (random: Random) => object = () => ({}),
  lateMinutes = 0,
): void {
  for (let minute = 0; minute < 60; minute++) {
    const atMs = world.nowMs - HOUR_MS + minute * MINUTE_MS
    if (!WORKS[agent % 2]!(atMs) || random() >= perHour / 60) continue
    world.attempt({ agent_name: `agent ${agent}`, ...given(random) }, atMs - lateMinutes * random() * MINUTE_MS)
  }
}

/** New alerts of 20 healthy agents by rule, evaluated every other hour for some weeks. */
async function healthyAlerts(random: Random, weeks: number): Promise<ReadonlyMap<string, number>> {
  const world = createWorld()
  const counts = new Map<string, number>()
  const agents = Array.from({ length: AGENTS }, () => 0.6 + 0.35 * random())
  const targets = agents.map((rate, i) => ({
    labels: new Map([['agent_name', `agent ${i}`] as const]),
    minSuccessRate: 100 * (rate - 0.05),
  }))
  for (let hour = 0; hour < weeks * 7 * 24; hour++) {
    world.nowMs += HOUR_MS
    for (const [agent, rate] of agents.entries()) {
      const attempt = (): object => ({
        success: random() < rate,
        confidence: Math.min(1, Math.max(0, rate + 0.1 * drawNormal(random))),
        cost_usd: Math.exp(drawNormal(random)),
        issue_type: random() < 0.7 ? 'common' : 'rare',
      })
      workHour(world, random, agent, 3, attempt, 30)
    }
    if (hour % 2 === 1) continue
    const before = new Set(world.firing.keys())
    for (const alert of await world.alerts({ ...DEFAULT_ALERT_SETTINGS, targets }))
      if (!before.has(alertId(alert))) counts.set(alert.rule, (counts.get(alert.rule) ?? 0) + 1)
  }
  return counts
}

/** Alerts of 20 agents that never stop, evaluated every hour for some weeks. */
async function silenceAlarms(random: Random, perHour: number, weeks: number): Promise<number> {
  const world = createWorld()
  let alarms = 0
  for (let hour = 0; hour < weeks * 7 * 24; hour++) {
    world.nowMs += HOUR_MS
    for (let agent = 0; agent < AGENTS; agent++) workHour(world, random, agent, perHour)
    const before = new Set(world.firing.keys())
    alarms += (await world.alerts(only('AgentSilent'))).filter(alert => !before.has(alertId(alert))).length
  }
  return alarms
}

/** Hours from the last attempt of each of 20 agents, which all stop on a Wednesday at ten, until its alert. */
async function silenceDelays(random: Random, perHour: number): Promise<readonly number[]> {
  const world = createWorld()
  for (let hour = 0; hour < 4 * 7 * 24 + 10; hour++) {
    world.nowMs += HOUR_MS
    for (let agent = 0; agent < AGENTS; agent++) workHour(world, random, agent, perHour)
  }
  const stoppedMs = START_MS + 28 * DAY_MS + 10 * HOUR_MS
  const delays = new Map<string, number>()
  for (let hour = 1; hour <= 72; hour++) {
    world.nowMs += HOUR_MS
    for (const { labels } of await world.alerts(only('AgentSilent'))) {
      const agent = labels.get('agent_name')!
      if (!delays.has(agent)) delays.set(agent, (world.nowMs - stoppedMs) / HOUR_MS)
    }
  }
  return Array.from({ length: AGENTS }, (_, agent) => delays.get(`agent ${agent}`) ?? 72)
}

/** Attempts from the fall of one of 20 agents until its alert, the alerts being evaluated after each round of one attempt of all. */
async function driftDelay(random: Random, to: number): Promise<number> {
  const world = createWorld()
  for (let round = -150; round < 200; round++) {
    world.nowMs += 10 * MINUTE_MS
    for (let agent = 0; agent < AGENTS; agent++) {
      const rate = agent === 0 && round >= 0 ? to : 0.9
      world.attempt({ agent_name: `agent ${agent}`, success: random() < rate })
    }
    if (round < 5 || round % 2 === 1) continue
    const found = await world.alerts(only('AgentSuccessDrift'), { isStateless: true })
    if (found.some(({ labels }) => labels.get('agent_name') === 'agent 0')) return round
  }
  return 200
}

export const alertSimulations: readonly Simulation[] = [
  {
    name: 'alerts of targets: 20 agents exactly at their targets of 60, 80 and 95 %, looked at after every attempt',
    promise: 'together at most one false alarm in 1,000 attempts of each',
    run() {
      const random = createRandom('at target')
      const alarms = [0.6, 0.8, 0.95].map(
        target => [target, alarmsOf(() => ({ reference: target, success: random() < target }))] as const,
      )
      return {
        measured: listed(alarms.map(([target, count]) => [percent(target, 0), oneIn(ROUNDS, count)])),
        holds: alarms.every(([, count]) => count <= ROUNDS / 1000),
      }
    },
  },
  {
    name: 'alerts of targets: 20 agents 5 points above their targets of 60 and 80 %, looked at after every attempt',
    promise: 'together at most one false alarm in 10,000 attempts of each',
    run() {
      const random = createRandom('above target')
      const alarms = [0.6, 0.8].map(
        target => [target, alarmsOf(() => ({ reference: target, success: random() < target + 0.05 }))] as const,
      )
      return {
        measured: listed(alarms.map(([target, count]) => [percent(target, 0), oneIn(ROUNDS, count)])),
        holds: alarms.every(([, count]) => count <= ROUNDS / 10_000),
      }
    },
  },
  {
    name: 'alerts of targets: one of 20 agents succeeds 10, 20 or 40 points below its target of 80 %',
    promise: 'half of the alerts come within 400, 110 and 35 attempts',
    run() {
      const random = createRandom('below target')
      const delays = [0.7, 0.6, 0.4].map(rate => delayOf(random, 0.8, rate))
      return {
        measured: listed([0.7, 0.6, 0.4].map((rate, i) => [percent(rate, 0), `median ${delays[i]} attempts`])),
        holds: delays.every((delay, i) => delay <= [400, 110, 35][i]!),
      }
    },
  },
  {
    name: 'alerts of confidence: 20 agents that state 60 to 95 % and succeed 15 points less often, which is accepted',
    promise: 'together at most one false alarm in 1,000 attempts of each',
    run() {
      const random = createRandom('at margin')
      const alarms = alarmsOf(() => {
        const reference = 0.45 + 0.35 * random()
        return { reference, success: random() < reference }
      })
      return { measured: oneIn(ROUNDS, alarms), holds: alarms <= ROUNDS / 1000 }
    },
  },
  {
    name: 'alerts of confidence: one of 20 agents states 90 % and succeeds in 60 or 40 %',
    promise: 'half of the alerts come within 200 and 45 attempts',
    run() {
      const random = createRandom('over-confident')
      const delays = [0.6, 0.4].map(rate => delayOf(random, 0.75, rate))
      return {
        measured: listed([0.6, 0.4].map((rate, i) => [percent(rate, 0), `median ${delays[i]} attempts`])),
        holds: delays.every((delay, i) => delay <= [200, 45][i]!),
      }
    },
  },
  {
    name: 'alerts of costs: 20 agents with 48 attempts a day at unchanged log-normal costs, looked at every 2 hours',
    promise: 'together at most one false alarm in 1,000 days, up to sigma 1',
    run() {
      const random = createRandom('unchanged costs')
      const days = 2000
      const alarms = [0.5, 1].map(sigma => [sigma, costAlarms(random, sigma, days)] as const)
      return {
        measured: listed(alarms.map(([sigma, count]) => [`sigma ${sigma}`, `${oneIn(days, count)} days`])),
        holds: alarms.every(([, count]) => count <= days / 1000),
      }
    },
  },
  {
    name: 'alerts of costs: the log-normal costs (sigma 1) of one of 20 agents double',
    promise: 'half of the alerts come within 2 days at 5 attempts an hour, and within 12 hours at 20',
    run() {
      const random = createRandom('doubled costs')
      const delays = [5, 20].map(perHour => median(Array.from({ length: 41 }, () => costDelay(random, perHour))))
      return {
        measured: listed([5, 20].map((perHour, i) => [`${perHour} an hour`, `median ${delays[i]} hours`])),
        holds: delays[0]! <= 48 && delays[1]! <= 12,
      }
    },
  },
  {
    name: 'alerts of silence: 20 agents with 2 or 10 independent attempts an hour, half of them in working hours only, evaluated hourly for 8 weeks',
    promise: 'at most one false alarm in 10,000 attempts',
    async run() {
      const random = createRandom('never silent')
      const rates = [2, 10]
      const alarms: number[] = []
      for (const perHour of rates) alarms.push(await silenceAlarms(random, perHour, 8))
      // Ten agents work always, ten in 50 of 168 hours.
      const attempts = rates.map(perHour => Math.round(8 * perHour * 10 * (168 + 50)))
      return {
        measured: listed(rates.map((perHour, i) => [`${perHour} an hour`, oneIn(attempts[i]!, alarms[i]!)])),
        holds: alarms.every((count, i) => count <= attempts[i]! / 10_000),
      }
    },
  },
  {
    name: 'alerts of silence: 20 agents with 2 or 20 attempts an hour stop on a Wednesday morning',
    promise: 'half of the alerts come within 12 and 4 hours',
    async run() {
      const random = createRandom('silent')
      const delays: number[] = []
      for (const perHour of [2, 20]) delays.push(median(await silenceDelays(random, perHour)))
      return {
        measured: listed([2, 20].map((perHour, i) => [`${perHour} an hour`, `median ${delays[i]} hours`])),
        holds: delays[0]! <= 12 && delays[1]! <= 4,
      }
    },
  },
  {
    name: 'all alerts of 20 healthy agents with targets 5 points below their rates, up to 30 minutes late, evaluated every 2 hours for 4 weeks',
    promise: 'at most one false alert in a week of all agents together',
    async run() {
      const counts = await healthyAlerts(createRandom('healthy'), 4)
      const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
      const named = [...counts].map(([rule, count]) => [rule, String(count)] as const)
      return { measured: total === 0 ? 'none in 4 weeks' : listed(named), holds: total <= 4 }
    },
  },
  {
    name: 'alerts of drift: one of 20 agents falls from 90 to 60 %, evaluated after every second attempt',
    promise: 'half of the alerts come within 60 attempts',
    async run() {
      const random = createRandom('falls among 20')
      const delays: number[] = []
      for (let i = 0; i < 21; i++) delays.push(await driftDelay(random, 0.6))
      return { measured: `median ${median(delays)} attempts`, holds: median(delays) <= 60 }
    },
  },
]
