/** What queries return while agents are at work: what the tables of alerts and panels say, and a test holds on a real Prometheus. */

const PAST = 'needs recording rules that have run for 6 hours'
const NOTHING_WRONG = 'nothing has been wrong for long enough'

/** Panels, by dashboard and id, whose queries return nothing in that traffic, and why. All queries of all others return data. */
export const BLANK: ReadonlyMap<string, string> = new Map([
  ['agent-performance-overview 9', PAST],
  ['agent-performance-overview 11', NOTHING_WRONG],
])

/** Alerts whose condition holds in that traffic; the others return nothing, as they should. */
export const RAISED: readonly string[] = [
  'AgentConfidenceUncalibrated',
  'ExperimentSampleRatioMismatch',
  'ExperimentVariantWorse',
  'SidecarRejectsAttempts',
]
