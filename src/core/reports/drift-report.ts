/** The drifts of many keys and agents, with one common threshold, so that of those reported few have not drifted. */

import { namedRecord } from '../aggregate/metrics.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeySummary, TimeRange } from '../ports.ts'
import type { Drift, DriftDetector } from '../statistics/drift.ts'
import { commonThreshold, driftThreshold } from '../statistics/drift-threshold.ts'
import { forEachKey, type Steps } from '../steps.ts'
import { detectAgentSteps, detectKey, isMonitored, KEYS_READ_PER_STEP } from './drift-watch.ts'
import { sortedSteps } from './sorted.ts'

/** The drift of a key. */
export interface KeyDrift extends AttemptKey, Drift {}

export interface DriftReport {
  /** The keys with an alarm at the end of the range, highest statistic first. */
  readonly drifted_keys: readonly KeyDrift[]
  /** The drift of every agent with enough attempts. Each attempt is compared with the baseline of its key. */
  readonly agents: Record<string, Drift>
}

/** The drifts of `keys` and of their agents, as at the end of the range. The summaries must cover the whole lifetime of the keys. */
export function* driftSteps(keys: readonly KeySummary[], range?: TimeRange): Steps<DriftReport> {
  return { drifted_keys: yield* driftedKeySteps(keys, range), agents: yield* agentDriftSteps(keys, range) }
}

interface Suspect {
  readonly entry: KeySummary
  readonly detector: DriftDetector
}

/** The keys whose statistic reaches the lowest common threshold there can be, and the common threshold there is. */
function* suspectSteps(
  keys: readonly KeySummary[],
  range: TimeRange | undefined,
  visit: (index: number, detector: DriftDetector) => void = () => undefined,
): Steps<{ readonly suspects: readonly Suspect[]; readonly common: number }> {
  let monitored = 0
  yield* forEachKey(keys, entry => {
    if (isMonitored(entry)) monitored++
  })
  const suspects: Suspect[] = []
  function detect(entry: KeySummary, index: number): void {
    const detector = detectKey(entry, monitored, range)
    if (detector === null) return
    visit(index, detector)
    if (detector.statistic() >= driftThreshold(1)) suspects.push({ entry, detector })
  }
  yield* forEachKey(keys, detect, KEYS_READ_PER_STEP)
  const statistics = suspects.map(({ detector }) => detector.statistic())
  return { suspects, common: commonThreshold(statistics, monitored) }
}

function* driftedKeySteps(keys: readonly KeySummary[], range: TimeRange | undefined): Steps<readonly KeyDrift[]> {
  const { suspects, common } = yield* suspectSteps(keys, range)
  const drifts = suspects.map(({ entry, detector }): KeyDrift => ({ ...entry.key, ...detector.drift(common) }))
  const drifted = drifts.filter(({ direction }) => direction !== 'none')
  return yield* sortedSteps(drifted, (a, b) => b.statistic - a.statistic)
}

/**
 * The downward drift statistic of each key divided by the common threshold. 1 or more is an alarm, the same as in
 * {@link driftSteps}. Undefined for a key with too few attempts.
 */
export function* declineSteps(keys: readonly KeySummary[]): Steps<readonly (number | undefined)[]> {
  const declines = new Array<number | undefined>(keys.length).fill(undefined)
  const { common } = yield* suspectSteps(keys, undefined, (index, detector) => {
    declines[index] = detector.decline()
  })
  return declines.map(decline => (decline === undefined ? undefined : decline / common))
}

function* agentDriftSteps(keys: readonly KeySummary[], range: TimeRange | undefined): Steps<Record<string, Drift>> {
  const byAgent = new Map<string, KeySummary[]>()
  function add(entry: KeySummary): void {
    const own = byAgent.get(entry.key.agent_name)
    if (own === undefined) byAgent.set(entry.key.agent_name, [entry])
    else own.push(entry)
  }
  yield* forEachKey(keys, add)
  const detectors = new Map<string, DriftDetector>()
  for (const [agent, own] of byAgent) {
    const detector = yield* detectAgentSteps(own, byAgent.size, range)
    if (detector !== null) detectors.set(agent, detector)
    yield
  }
  const statistics = Array.from(detectors.values(), detector => detector.statistic())
  const common = commonThreshold(statistics, byAgent.size)
  const drifts = namedRecord<Drift>([])
  for (const [agent, detector] of detectors) drifts[agent] = detector.drift(common)
  return drifts
}
