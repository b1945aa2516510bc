/** The verdict on a trend in words: one statement from the drifts and from the comparison of the halves. */

import type { Drift } from '../statistics/drift.ts'
import type { RateDifference } from '../statistics/sequential.ts'
import type { DriftReport } from './drift-report.ts'
import type { MixChange } from './mix-change.ts'

/** The input of a verdict. */
export interface TrendFindings extends DriftReport {
  readonly attempts: number
  readonly direction: 'improving' | 'degrading' | 'cannot_tell_yet'
  /** Null if a half has no attempts. */
  readonly change: RateDifference | null
  /** Whether tasks repeat in the range. */
  readonly repeats?: boolean | undefined
  /** A change of the mix of agents in the range. */
  readonly mix?: MixChange | undefined
}

/**
 * The verdict: a headline, what has drifted, and what the halves of the range say. It explains every pair of findings that
 * seem to contradict each other, such as a drift that the halves do not show.
 */
export function trendVerdict(findings: TrendFindings): string {
  if (findings.attempts === 0) return 'Cannot tell: there are no attempts in the range.'
  return [verdictOf(findings), ...(findings.mix === undefined ? [] : [mixText(findings.mix)])].join(' ')
}

function mixText({ agent_name, earlier_share, later_share }: MixChange): string {
  const shares = `${agent_name} made ${earlier_share.toFixed(0)} % of the earlier and ${later_share.toFixed(0)} % of the later attempts`
  return `The mix of agents changed: ${shares}. The rate over all may move with it; ask for one agent.`
}

function verdictOf(findings: TrendFindings): string {
  const drifted = driftedOf(findings)
  const isDown = drifted.some(({ direction }) => direction === 'down')
  const isUp = drifted.some(({ direction }) => direction === 'up')
  if (drifted.length > 0)
    return [
      `${headline(findings.direction, isDown, isUp)}: ${driftText(drifted)}.`,
      halvesBesideDrift(findings, isDown, isUp),
      ...(findings.repeats ? [REPEATED_TASKS] : []),
    ].join(' ')
  const isMonitored = Object.keys(findings.agents).length > 0
  if (findings.direction !== 'cannot_tell_yet') {
    const word = findings.direction === 'improving' ? 'Better' : 'Worse'
    return `${word}: ${halvesText(findings)}. ${isMonitored ? NO_DRIFT_BESIDE : TOO_FEW_FOR_DRIFT}`
  }
  const most = mostChange(findings)
  if (isMonitored && most <= TOLD_CHANGE)
    return `No change seen: nothing has drifted from its recent rate, and the halves of the range differ by at most ${most.toFixed(0)} points.`
  if (isMonitored)
    return 'Cannot tell yet: nothing has drifted from its recent rate, but there are too few attempts to see more than a large change between the halves of the range.'
  return 'Cannot tell yet: there are too few attempts to learn a baseline, and the halves of the range do not differ beyond chance.'
}

/** A change of more percentage points than this must be excluded before no change is said to be seen. */
const TOLD_CHANGE = 30

/** The largest change in the interval of the halves, in percentage points. Infinity if they cannot be compared. */
function mostChange({ change }: TrendFindings): number {
  if (change === null) return Number.POSITIVE_INFINITY
  const { low, high } = change.difference_interval
  return Math.max(Math.abs(low), Math.abs(high))
}

const NO_DRIFT_BESIDE =
  'Nothing drifts now: each key is at its recent rate. So the change is over, is slow, or is a change of the mix of work.'
const TOO_FEW_FOR_DRIFT = 'There are too few attempts of each agent to tell whether it has drifted.'

const REPEATED_TASKS =
  'Tasks repeat, and drift counts each run of a task as independent: where runs of one task follow each other, it may be a hard or an easy task.'

interface Drifted extends Drift {
  readonly who: string
}

/** The drifted keys, and the drifted agents without a key that has drifted in the same direction. */
function driftedOf({ drifted_keys, agents }: DriftReport): Drifted[] {
  const keys = drifted_keys.map(key => ({
    ...key,
    who: `${key.agent_name} with ${key.model_name} at ${key.issue_type}`,
  }))
  const named = new Set(drifted_keys.map(({ agent_name, direction }) => JSON.stringify([agent_name, direction])))
  const others = Object.entries(agents)
    .filter(([agent, { direction }]) => direction !== 'none' && !named.has(JSON.stringify([agent, direction])))
    .map(([agent, drift]) => ({ ...drift, who: `${agent}, over all its issue types,` }))
  return [...keys, ...others].sort((a, b) => b.statistic - a.statistic)
}

function headline(direction: TrendFindings['direction'], isDown: boolean, isUp: boolean): string {
  if (isDown && isUp) return 'Mixed'
  if (isDown) return direction === 'improving' ? 'Mixed' : 'Worse'
  return direction === 'degrading' ? 'Mixed' : 'Better'
}

/** Names the strongest drift, and one in the other direction if there is one. */
function driftText(drifted: readonly Drifted[]): string {
  const first = drifted[0]!
  const opposite = drifted.find(({ direction }) => direction !== first.direction)
  const named = [first, ...(opposite === undefined ? [] : [opposite])]
  const rest = drifted.length - named.length
  const texts = named.map(
    ({ who, direction, began_attempts_ago, expected_rate, observed_rate }) =>
      `${who} is ${direction} since about ${began_attempts_ago?.toLocaleString('en-US')} attempts (${observed_rate?.toFixed(1)} % instead of ${expected_rate?.toFixed(1)} %)`,
  )
  return [...texts, ...(rest > 0 ? [`${rest.toLocaleString('en-US')} more drifted`] : [])].join('; ')
}

function halvesText({ change }: TrendFindings): string {
  const difference = change?.difference ?? 0
  const side = difference < 0 ? 'less' : 'more'
  return `the later half of the attempts succeeds ${Math.abs(difference).toFixed(1)} points ${side} than the earlier half`
}

function halvesBesideDrift(findings: TrendFindings, isDown: boolean, isUp: boolean): string {
  const { direction } = findings
  if (direction === 'cannot_tell_yet')
    return 'The halves of the range do not show this, because they mix attempts from before and after the change, or of other keys.'
  const agrees = direction === 'improving' ? isUp && !isDown : isDown && !isUp
  const halves = halvesText(findings)
  if (agrees) return `Over the whole range, too, ${halves}.`
  return `Over the whole range ${halves}: that is the longer view, and the drift the latest.`
}
