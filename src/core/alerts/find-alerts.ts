/** Reads from a store what the rules need, and evaluates them. */
import { costs, recordedAttempts, recordedSpan } from '../aggregate/summary.ts'
import { RangeNotHeld, type Store, type SummaryView, type TimeRange } from '../ports.ts'
import { forEachKey, type Steps } from '../steps.ts'
import { DAY_MS, isCurrent, type WatchedAgent, watchedAgentSteps } from './agents.ts'
import type { Alert, AlertSettings } from './alert.ts'
import { evaluate } from './evaluate.ts'
import type { AlertFacts, CostPeriods, RunningExperiment, Silence } from './facts.ts'
import type { AlertRuleName } from './rules.ts'
import { ruleInForce } from './settings.ts'

/** The part of the store that alerts are found in. */
export type AlertSource = Pick<
  Store,
  'summaries' | 'arms' | 'experiments' | 'experimentPlan' | 'usage' | 'health' | 'firingAlerts'
>

/** Runs steps and lets others run in between. */
export type RunSteps = <T>(steps: Steps<T>) => Promise<T>

const HOUR_MS = 3_600_000
/** Days that the costs of yesterday and today are compared with. */
const COST_DAYS = 28
/** Known costs of all keys together below which no comparison can decide. */
const MIN_COSTS = 60
/** Weeks that a silence is compared with. */
const WEEKS = 4

/** The alerts that fire at `nowMs`. Rejects as the store does. */
export async function findAlerts(
  source: AlertSource,
  settings: AlertSettings,
  nowMs: number,
  run: RunSteps,
): Promise<readonly Alert[]> {
  return await run(evaluate(await readFacts(source, settings, nowMs, run), settings, nowMs))
}

/** What the rules need that are on. */
export async function readFacts(
  source: AlertSource,
  settings: Pick<AlertSettings, 'rules'>,
  nowMs: number,
  run: RunSteps,
): Promise<AlertFacts> {
  const isOn = (name: AlertRuleName): boolean => ruleInForce(name, settings).isEnabled
  const silent = ruleInForce('AgentSilent', settings)
  const keys = await source.summaries()
  // An agent whose attempts all wait for an outcome falls silent too.
  const agents = await run(watchedAgentSteps(await source.summaries(undefined, undefined, undefined, 'any'), nowMs))
  return {
    keys,
    costs: isOn('AgentCostPerSuccessRose') ? await readCosts(source, agents, nowMs, run) : undefined,
    silences: silent.isEnabled ? await readSilences(source, agents, silent.threshold ?? 1, nowMs) : [],
    experiments: await readExperiments(source, nowMs),
    usage: source.usage(),
    health: source.health(),
    firing: source.firingAlerts(),
  }
}

/**
 * The later period begins with yesterday, so that all looks of one day compare the same period as it grows: confidence sequences are valid at
 * every look only while the start of the period stays.
 */
async function readCosts(
  source: AlertSource,
  agents: readonly WatchedAgent[],
  nowMs: number,
  run: RunSteps,
): Promise<CostPeriods | undefined> {
  if ((await run(knownCostSteps(agents))) < MIN_COSTS) return undefined
  const sinceMs = Math.floor(nowMs / DAY_MS) * DAY_MS - DAY_MS
  const before = await summariesIn(source, { sinceMs: sinceMs - COST_DAYS * DAY_MS, untilMs: sinceMs })
  const after = await summariesIn(source, { sinceMs, untilMs: Number.POSITIVE_INFINITY })
  return before === undefined || after === undefined ? undefined : { sinceMs, before, after }
}

function* knownCostSteps(agents: readonly WatchedAgent[]): Steps<number> {
  let known = 0
  for (const { keys } of agents) {
    yield* forEachKey(keys, ({ summary }) => {
      const { reported, computed } = costs(summary)
      known += reported + computed
    })
  }
  return known
}

/** Agents without an attempt for an hour, and their attempts in the same hours of the last weeks. */
async function readSilences(
  source: AlertSource,
  agents: readonly WatchedAgent[],
  least: number,
  nowMs: number,
): Promise<readonly Silence[]> {
  const silences: Silence[] = []
  for (const agent of agents) {
    const silence = await readSilence(source, agent, least, nowMs)
    if (silence !== undefined) silences.push(silence)
  }
  return silences
}

/**
 * Whole hours are compared, because counts of more than a day ago are held by hours, and without the last of them: attempts that come a little
 * later than in other weeks are no silence. Undefined if there is no hour to compare yet.
 */
async function readSilence(
  source: AlertSource,
  { name: agent_name, firstMs, lastMs }: WatchedAgent,
  least: number,
  nowMs: number,
): Promise<Silence | undefined> {
  const sinceMs = Math.ceil(lastMs / HOUR_MS) * HOUR_MS
  const untilMs = Math.floor(nowMs / HOUR_MS - 1) * HOUR_MS
  if (untilMs <= sinceMs) return undefined
  const weeks: number[] = []
  for (let week = 1; week <= WEEKS; week++) {
    const backMs = week * 7 * DAY_MS
    if (firstMs > sinceMs - backMs) break
    const attempts = await attemptsIn(source, agent_name, { sinceMs: sinceMs - backMs, untilMs: untilMs - backMs })
    if (attempts === undefined) break
    weeks.push(attempts)
    // The week with the fewest decides.
    if (attempts < least) break
  }
  return { agent_name, lastMs, weeks }
}

/** Undefined if counts of that time are not held any more. */
async function summariesIn(source: AlertSource, range: TimeRange, agent_name?: string, view?: SummaryView) {
  try {
    return await source.summaries(range, { agent_name }, undefined, view)
  } catch (error) {
    if (error instanceof RangeNotHeld) return undefined
    throw error
  }
}

/** Pending attempts included. */
async function attemptsIn(source: AlertSource, agent_name: string, range: TimeRange): Promise<number | undefined> {
  const summaries = await summariesIn(source, range, agent_name, 'any')
  return summaries?.reduce((sum, { summary }) => sum + recordedAttempts(summary), 0)
}

/** Those that have not reached their end, and have an attempt in the last days. */
async function readExperiments(source: AlertSource, nowMs: number): Promise<readonly RunningExperiment[]> {
  const running: RunningExperiment[] = []
  for (const name of source.experiments()) {
    const plan = source.experimentPlan(name)
    if (plan?.endMs !== undefined && plan.endMs <= nowMs) continue
    const arms = await source.arms(name)
    if (arms.some(({ summary }) => isCurrent(recordedSpan(summary)?.lastMs ?? Number.NEGATIVE_INFINITY, nowMs)))
      running.push({ name, arms, plan })
  }
  return running
}
