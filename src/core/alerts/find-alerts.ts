/** Reads from a store what the rules need, and evaluates them. */
import { recordedAttempts, recordedSpan } from '../aggregate/summary.ts'
import { RangeNotHeld, type Store, type TimeRange } from '../ports.ts'
import type { RunSteps } from '../steps.ts'
import { DAY_MS, isCurrent, type WatchedAgent, watchedAgentSteps } from './agents.ts'
import type { Alert, AlertSettings } from './alert.ts'
import { readCostPeriods } from './cost-periods.ts'
import { evaluate } from './evaluate.ts'
import type { AlertFacts, RunningExperiment, Silence } from './facts.ts'
import { recallOf } from './recall.ts'
import { ruleInForce } from './settings.ts'

/** The part of the store that alerts are found in. */
export type AlertSource = Pick<
  Store,
  'summaries' | 'clip' | 'arms' | 'experiments' | 'experimentPlan' | 'usage' | 'health' | 'firingAlerts'
>

const HOUR_MS = 3_600_000
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
  const [silent, dear] = [ruleInForce('AgentSilent', settings), ruleInForce('AgentCostPerSuccessRose', settings)]
  const keys = await source.summaries()
  const agents = await run(watchedAgentSteps(keys, nowMs))
  const firing = source.firingAlerts()
  const common = { source, keys, agents, firing, recall: recallOf(keys), nowMs, run }
  return {
    keys,
    agents,
    costs: dear.isEnabled ? await readCostPeriods({ ...common, threshold: dear.threshold ?? 1 }) : undefined,
    silences: silent.isEnabled ? await readSilences(source, silent.threshold ?? 1, nowMs, run) : [],
    experiments: await readExperiments(source, nowMs),
    usage: source.usage(),
    health: source.health(),
    firing,
  }
}

/** Agents without an attempt for an hour, and their attempts in the same hours of the last weeks. */
async function readSilences(
  source: AlertSource,
  least: number,
  nowMs: number,
  run: RunSteps,
): Promise<readonly Silence[]> {
  // An agent whose attempts all wait for an outcome, which no other rule can judge, falls silent too.
  const agents = await run(watchedAgentSteps(await source.summaries(undefined, undefined, undefined, 'any'), nowMs))
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

/** Pending attempts included. Undefined if counts of that time are not held any more. */
async function attemptsIn(source: AlertSource, agent_name: string, range: TimeRange): Promise<number | undefined> {
  try {
    const summaries = await source.summaries(range, { agent_name }, undefined, 'any')
    return summaries.reduce((sum, { summary }) => sum + recordedAttempts(summary), 0)
  } catch (error) {
    if (error instanceof RangeNotHeld) return undefined
    throw error
  }
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
