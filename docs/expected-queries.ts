/** What the queries of panels and alerts return while agents work. docs/alerts-and-panels.md prints it; a test compares it with a real Prometheus. */

const HISTORY = 'needs recording rules that have run for 6 hours'
const NO_ALERT = 'no alert has fired for long enough'

/** Panels without data in that test, by dashboard and id, and why. The queries of all other panels return data. */
export const BLANK: ReadonlyMap<string, string> = new Map([
  ['agent-performance-overview 9', HISTORY],
  ['agent-performance-overview 11', NO_ALERT],
])

/** Alerts whose condition holds in that test. All others return nothing. */
export const RAISED: readonly string[] = [
  'AgentConfidenceUncalibrated',
  'ExperimentSampleRatioMismatch',
  'ExperimentVariantWorse',
  'SidecarRejectsAttempts',
]
