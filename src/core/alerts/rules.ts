/**
 * Every rule of the sidecar's own alerts, one entry each. The configuration, docs/alerts.md, the question `alerts` and the page read this table.
 * It is longer than other files because each entry explains itself.
 */
import type { AlertSeverity } from './alert.ts'

/** The threshold of a rule that has one. */
export interface RuleThreshold {
  /** What it means, as one phrase with its unit. */
  readonly meaning: string
  /** Undefined if the rule needs a value of the operator. */
  readonly byDefault: number | undefined
  readonly min: number
  readonly max: number
}

/** The names of all rules. */
export type AlertRuleName =
  | 'AgentSuccessDrift'
  | 'AgentSuccessRose'
  | 'AgentMissesTarget'
  | 'AgentOverconfident'
  | 'AgentCostPerSuccessRose'
  | 'AgentSilent'
  | 'ExperimentVariantWorse'
  | 'ExperimentVariantBetter'
  | 'ExperimentSampleRatioMismatch'
  | 'SidecarKeysRunningOut'
  | 'SidecarArmsRunningOut'
  | 'SidecarStoreFailing'
  | 'SidecarStoreDegraded'

/** A rule: what it watches and how it decides. All texts are sentences without a full stop. */
export interface AlertRule {
  /** In CamelCase. Where a Prometheus rule has the same name, it asks the same question. */
  readonly name: AlertRuleName
  /** What it watches. */
  readonly watches: string
  readonly severity: AlertSeverity
  /** Whether it is on without configuration. */
  readonly isOn: boolean
  readonly threshold?: RuleThreshold
  /** The labels of its alerts. Each combination is one alert. */
  readonly labels: readonly string[]
  /** The statistic that decides, with its source in docs/statistics.md. */
  readonly statistic: string
  /** How often it fires although nothing is wrong. */
  readonly falseAlarms: string
  /** When a firing alert ends. */
  readonly ends: string
  /** The first things to look at. */
  readonly advice: string
}

/** An agent or experiment without an attempt for so long is over: its alerts end. */
export const STALE_DAYS = 7

const STALE = `it makes no attempt for ${STALE_DAYS} days`

/** The expected number of attempts to a false alarm of the rules that use `createShortfallDetector`, for all groups together. */
export const ATTEMPTS_TO_FALSE_ALARM = 1000
/** Probability of a false alarm of one agent in one day, of the rule about costs. */
export const COST_ALPHA = 0.001

/** What the rules of both verdicts of an experiment share. */
const OF_VERDICT = {
  isOn: true,
  labels: ['experiment', 'variant'],
  statistic: 'anytime-valid confidence sequence of the difference, corrected for the number of variants',
  falseAlarms: 'at most 5 % of experiments without a difference report one, however long they run',
  ends: `the evidence against "no difference" is lost (p above 20 %), the experiment ends, or ${STALE}`,
} as const satisfies Partial<AlertRule>

/** What the rules of a number that nears its limit share. */
const OF_LIMIT = {
  severity: 'warning',
  isOn: true,
  threshold: { meaning: 'percent of the limit in use', byDefault: 90, min: 1, max: 100 },
  labels: [],
  statistic: 'a count',
  falseAlarms: 'none: it is a count',
  ends: 'the use is 5 percent of the limit below the threshold',
} as const satisfies Partial<AlertRule>

export const ALERT_RULES: readonly AlertRule[] = [
  {
    name: 'AgentSuccessDrift',
    watches:
      'the success rate of an agent fell below its own past, with one model at one issue type or over all of them',
    severity: 'warning',
    isOn: true,
    labels: ['agent_name'],
    statistic: 'CUSUM against the baseline of each key, one threshold for all keys and agents (e-BH)',
    falseAlarms:
      'of all keys and agents together, at most one false alarm in 2,000 attempts of each; of the alerts that fire at a time, few are false',
    ends: `the rate is back at its baseline, or has been the same for 300 attempts, or ${STALE}`,
    advice: 'compare the attempts since then with those before: a new version of the agent, its prompt, or its model',
  },
  {
    name: 'AgentSuccessRose',
    watches: 'the success rate of an agent rose above its own past, also after a fall',
    severity: 'info',
    isOn: true,
    labels: ['agent_name'],
    statistic: 'the same CUSUM as AgentSuccessDrift, upwards',
    falseAlarms: 'of all keys and agents together, at most one false alarm in 2,000 attempts of each',
    ends: `the rate is back at its baseline, or has been the same for 300 attempts, or ${STALE}`,
    advice: 'learn what changed, and whether success is still measured as before',
  },
  {
    name: 'AgentMissesTarget',
    watches: 'an agent, a model or an issue type succeeds less often than its target',
    severity: 'critical',
    isOn: true,
    threshold: {
      meaning: 'lowest accepted success rate in percent, of every agent that no target names',
      byDefault: undefined,
      min: 1,
      max: 99,
    },
    labels: ['agent_name', 'model_name', 'issue_type'],
    statistic: 'e-detector of a shortfall against the target, over up to the last 1,000 attempts',
    falseAlarms:
      'a rate at its target or above gives at most one false alarm in 1,000 attempts, of all targets together; rarely any if it is well above',
    ends: `the evidence falls to half of what an alarm needs, or ${STALE}`,
    advice: 'look at the failed attempts and their error types, then at which models and issue types fail',
  },
  {
    name: 'AgentOverconfident',
    watches: 'an agent succeeds far less often than the confidence that it states',
    severity: 'warning',
    isOn: true,
    threshold: {
      meaning: 'percentage points by which confidence may exceed the success rate',
      byDefault: 15,
      min: 0,
      max: 90,
    },
    labels: ['agent_name'],
    statistic:
      'e-detector of a shortfall against the confidence of each attempt less the threshold, over the last 100 of each key',
    falseAlarms:
      'an agent within the threshold gives at most one false alarm in 1,000 attempts, of all agents together',
    ends: `the evidence falls to half of what an alarm needs, or ${STALE}`,
    advice: 'do not route or skip reviews by this confidence; see the reliability diagram of the agent',
  },
  {
    name: 'AgentCostPerSuccessRose',
    watches: 'a success of an agent costs more than in the 28 days before',
    severity: 'warning',
    isOn: true,
    threshold: { meaning: 'how many times as much as before', byDefault: 1.5, min: 1.05, max: 100 },
    labels: ['agent_name'],
    statistic:
      'confidence sequences of the costs per success since the start of yesterday (UTC) and of the 28 days before; both the ratio and its evidence must exceed the threshold and 1',
    falseAlarms: 'of all agents together, at most one false alarm in 1,000 days, by an approximation for large numbers',
    ends: `the ratio is below half of the excess of the threshold, or ${STALE}`,
    advice: 'compare tokens and prices by model: longer prompts, retries, a dearer model, or more failures',
  },
  {
    name: 'AgentSilent',
    watches: 'an agent makes no attempts at a time at which it did in each of the last weeks',
    severity: 'warning',
    isOn: true,
    threshold: {
      meaning: 'attempts that it made in the same time of each of the last weeks',
      byDefault: 10,
      min: 1,
      max: 1e6,
    },
    labels: ['agent_name'],
    statistic: 'the lowest number of attempts in the same hours of the last two to four weeks',
    falseAlarms:
      'attempts that come independently of each other are silent for so long at most once in 10,000; holidays are reported',
    ends: `it makes an attempt, or ${STALE}`,
    advice: 'check whether its coordinator runs and can reach the sidecar',
  },
  {
    name: 'ExperimentVariantWorse',
    watches: 'an experiment has a verdict: a variant does worse than the baseline',
    severity: 'warning',
    ...OF_VERDICT,
    advice: 'stop the variant, or state why it goes on',
  },
  {
    name: 'ExperimentVariantBetter',
    watches: 'an experiment has a verdict: a variant does better than the baseline',
    severity: 'info',
    ...OF_VERDICT,
    advice: 'compare cost and time too, then give all attempts to the variant',
  },
  {
    name: 'ExperimentSampleRatioMismatch',
    watches: 'attempts of an experiment are not shared as intended',
    severity: 'warning',
    isOn: true,
    labels: ['experiment'],
    statistic: 'anytime-valid multinomial test of the attempts per variant against the intended shares',
    falseAlarms:
      'at most 1 of 1,000 experiments whose assignment is right; an adaptive assignment, as of a bandit, is reported',
    ends: `p is above 1 %, the experiment ends, or ${STALE}`,
    advice: 'find what loses or prefers attempts of a variant before believing any comparison',
  },
  {
    name: 'SidecarKeysRunningOut',
    watches: 'the keys (agent, model and issue type) are near the limit of --max-keys',
    ...OF_LIMIT,
    advice: 'raise --max-keys and restart, and look for names that hold ids or times',
  },
  {
    name: 'SidecarArmsRunningOut',
    watches: 'the arms of experiments are near the limit of --max-arms',
    ...OF_LIMIT,
    advice: 'raise --max-arms and restart',
  },
  {
    name: 'SidecarStoreFailing',
    watches: 'the store accepts no attempts',
    severity: 'critical',
    isOn: true,
    labels: [],
    statistic: 'the state of the store',
    falseAlarms: 'none: it is a state',
    ends: 'the store accepts attempts again',
    advice: 'see /readyz?verbose and the log of the sidecar: the disk, or the database',
  },
  {
    name: 'SidecarStoreDegraded',
    watches:
      'the store accepts attempts but has a problem: damage, weak durability, or attempts that wait in the spool',
    severity: 'warning',
    isOn: true,
    labels: ['problem'],
    statistic: 'the state of the store',
    falseAlarms: 'none: it is a state',
    ends: 'the problem is gone',
    advice: 'see /readyz?verbose and the log of the sidecar',
  },
]

const BY_NAME: ReadonlyMap<AlertRuleName, AlertRule> = new Map(ALERT_RULES.map(rule => [rule.name, rule]))

/** The rule of a name. */
export const ruleNamed = (name: AlertRuleName): AlertRule => BY_NAME.get(name)!
