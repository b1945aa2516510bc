/** The costs of yesterday and today, and of the weeks before, of the agents whose alert they may decide. */
import { knownCosts, successes, totalAttempts } from '../aggregate/summary.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import { type KeySummary, RangeNotHeld, type Store, type TimeRange } from '../ports.ts'
import { forEachKey, KEYS_PER_STEP, type RunSteps, type Steps } from '../steps.ts'
import { DAY_MS, type WatchedAgent } from './agents.ts'
import { type Firing, isFiring } from './make-alert.ts'
import { type Basis, isRecalled, type PeriodCosts, type Recall } from './recall.ts'

/** The part of the store that costs are read from. */
export type CostSource = Pick<Store, 'summaries' | 'clip'>

/** The attempts in two periods that follow each other. */
export interface CostPeriods {
  /** Where the later period begins, in milliseconds since the epoch. */
  readonly sinceMs: number
  /** The number of agents with attempts in both. */
  readonly compared: number
  /** The keys of the agents whose ratio reaches the threshold, or whose alert fires. */
  readonly before: readonly KeySummary[]
  readonly after: readonly KeySummary[]
}

/** Days that the costs of yesterday and today are compared with. */
const COST_DAYS = 28
/** Known costs of all keys together below which no comparison can decide. */
const MIN_COSTS = 60
/** Of more keys that changed, all are read at once. */
const MAX_SINGLE_READS = 1000
/** The sums below are not exact, as those are that decide. */
const TOLERANCE = 1 - 1e-9

const NO_COSTS: PeriodCosts = { successes: 0, attempts: 0, known: 0, usd: 0 }

export interface CostOptions {
  readonly source: CostSource
  readonly keys: readonly KeySummary[]
  readonly agents: readonly WatchedAgent[]
  /** The ratio that the rule needs. */
  readonly threshold: number
  readonly firing: Firing
  readonly recall: Recall
  readonly nowMs: number
  readonly run: RunSteps
}

/**
 * The later period begins with yesterday, so that all looks of one day compare the same period as it grows: confidence sequences are valid at
 * every look only while the start of the period stays. Undefined if there are not enough known costs, or counts of that time are not held any more.
 */
export async function readCostPeriods(options: CostOptions): Promise<CostPeriods | undefined> {
  const { source, agents, nowMs, run } = options
  if ((await run(knownCostSteps(agents))) < MIN_COSTS) return undefined
  const sinceMs = Math.floor(nowMs / DAY_MS) * DAY_MS - DAY_MS
  const periods = {
    before: { sinceMs: sinceMs - COST_DAYS * DAY_MS, untilMs: sinceMs },
    after: { sinceMs, untilMs: Number.POSITIVE_INFINITY },
  }
  try {
    await readKeyCosts(periods, options)
    const { compared, names } = await run(candidateSteps(options))
    const [before, after] = [
      await readAgents(source, names, periods.before),
      await readAgents(source, names, periods.after),
    ]
    return { sinceMs, compared, before, after }
  } catch (error) {
    if (error instanceof RangeNotHeld) return undefined
    throw error
  }
}

function* knownCostSteps(agents: readonly WatchedAgent[]): Steps<number> {
  let known = 0
  for (const { keys } of agents) {
    yield* forEachKey(keys, ({ summary }) => {
      known += knownCosts(summary).known
    })
  }
  return known
}

async function readAgents(
  source: CostSource,
  names: readonly string[],
  range: TimeRange,
): Promise<readonly KeySummary[]> {
  const found: KeySummary[] = []
  for (const agent_name of names) found.push(...(await source.summaries(range, { agent_name })))
  return found
}

interface Periods {
  readonly before: TimeRange
  readonly after: TimeRange
}

/** A key whose costs must be read, and what they depend on. */
interface Changed {
  readonly entry: KeySummary
  readonly basis: Basis
}

/** Reads the costs of the keys that changed. */
async function readKeyCosts(periods: Periods, options: CostOptions): Promise<void> {
  const { source, run, recall } = options
  const changed = await run(changedSteps(periods, options))
  if (changed.length > MAX_SINGLE_READS) {
    const [before, after] = [await source.summaries(periods.before), await source.summaries(periods.after)]
    await run(rememberSteps(changed, { before, after }, recall))
    return
  }
  for (const one of changed) {
    const [before] = await source.summaries(periods.before, one.entry.key)
    const [after] = await source.summaries(periods.after, one.entry.key)
    remember(one, before, after, recall)
  }
}

function* changedSteps(periods: Periods, { source, keys, agents, recall }: CostOptions): Steps<readonly Changed[]> {
  // The time buckets that are held decide which times a period covers.
  const [before, after] = [source.clip(periods.before), source.clip(periods.after)]
  const watched = new Set(agents.map(({ name }) => name))
  const changed: Changed[] = []
  yield* forEachKey(keys, entry => {
    if (!watched.has(entry.key.agent_name)) return
    const basis = [entry.changes ?? Number.NaN, before.sinceMs, before.untilMs, after.sinceMs]
    if (!isRecalled(recall.keyCosts, entry, basis)) changed.push({ entry, basis })
  })
  return changed
}

function* rememberSteps(
  changed: readonly Changed[],
  { before, after }: Readonly<Record<keyof Periods, readonly KeySummary[]>>,
  recall: Recall,
): Steps<void> {
  const [earlier, later] = [yield* byKeySteps(before), yield* byKeySteps(after)]
  for (const [i, one] of changed.entries()) {
    const { key } = one.entry
    remember(one, earlier.get(key), later.get(key), recall)
    if ((i + 1) % KEYS_PER_STEP === 0) yield
  }
}

function* byKeySteps(summaries: readonly KeySummary[]): Steps<ReadonlyMap<AttemptKey, KeySummary>> {
  const byKey = new Map<AttemptKey, KeySummary>()
  yield* forEachKey(summaries, one => byKey.set(one.key, one))
  return byKey
}

function remember(
  { entry, basis }: Changed,
  before: KeySummary | undefined,
  after: KeySummary | undefined,
  { keyCosts }: Recall,
): void {
  keyCosts.set(entry, { basis, value: { before: costsIn(before), after: costsIn(after) } })
}

function costsIn(one: KeySummary | undefined): PeriodCosts {
  if (one === undefined) return NO_COSTS
  const { known, usd } = knownCosts(one.summary)
  return { successes: successes(one.summary), attempts: totalAttempts(one.summary), known, usd }
}

/** The number of agents with attempts in both periods, and the names of those of which the exact sums must decide. */
function* candidateSteps({
  keys,
  agents,
  threshold,
  firing,
  recall,
}: CostOptions): Steps<{ readonly compared: number; readonly names: readonly string[] }> {
  const sums = new Map<string, Readonly<Record<keyof Periods, MutableCosts>>>(
    agents.map(({ name }) => [name, { before: { ...NO_COSTS }, after: { ...NO_COSTS } }]),
  )
  yield* forEachKey(keys, entry => {
    const [sum, costs] = [sums.get(entry.key.agent_name), recall.keyCosts.get(entry)?.value]
    if (sum === undefined || costs === undefined) return
    addCosts(sum.before, costs.before)
    addCosts(sum.after, costs.after)
  })
  const compared = [...sums].filter(([, { before, after }]) => before.attempts > 0 && after.attempts > 0)
  const least = threshold * TOLERANCE
  const names = compared.flatMap(([name, { before, after }]) => {
    const isDecided = isFiring(firing, 'AgentCostPerSuccessRose', [['agent_name', name]])
    return isDecided || perSuccess(after) >= least * perSuccess(before) ? [name] : []
  })
  return { compared: compared.length, names }
}

type MutableCosts = { -readonly [Name in keyof PeriodCosts]: number }

function addCosts(sum: MutableCosts, more: PeriodCosts): void {
  sum.successes += more.successes
  sum.attempts += more.attempts
  sum.known += more.known
  sum.usd += more.usd
}

/** The mean cost per attempt divided by the success rate, in US dollars. NaN if it is unknown. */
const perSuccess = ({ successes, attempts, known, usd }: PeriodCosts): number => (usd / known) * (attempts / successes)
