/** The rules about experiments: a verdict, and shares that are not as intended. */
import { type ComparedVariant, type ExperimentReport, experimentSteps } from '../reports/experiment-report.ts'
import type { Steps } from '../steps.ts'
import type { Alert, AlertFigure } from './alert.ts'
import type { RunningExperiment } from './facts.ts'
import { type Finding, type Firing, isFiring, makeAlert, pathOf, short } from './make-alert.ts'
import type { RuleInForce } from './settings.ts'

/** p-values above which alerts that fire end. */
const [VERDICT_ENDS, RATIO_ENDS] = [0.2, 0.01]

export interface ExperimentRules {
  readonly better: RuleInForce
  readonly worse: RuleInForce
  readonly ratio: RuleInForce
}

export function* experimentAlertSteps(
  experiments: readonly RunningExperiment[],
  rules: ExperimentRules,
  firing: Firing,
  nowMs: number,
): Steps<readonly Alert[]> {
  const alerts: Alert[] = []
  for (const { name, arms, plan } of experiments) {
    const report = yield* experimentSteps(name, arms, { plan })
    if (report === undefined) continue
    const firstMs = Math.min(...arms.map(arm => arm.firstMs))
    for (const [rule, finding] of findingsOf(report, rules, firing))
      alerts.push(makeAlert(rule, { ...finding, sinceMs: firstMs }, firing, nowMs))
    yield
  }
  return alerts
}

function findingsOf(
  report: ExperimentReport,
  rules: ExperimentRules,
  firing: Firing,
): (readonly [RuleInForce, Finding])[] {
  const found: (readonly [RuleInForce, Finding])[] = []
  const mismatch = ratioFinding(report, firing)
  if (mismatch !== undefined && rules.ratio.isEnabled) found.push([rules.ratio, mismatch])
  // Without the intended shares no verdict is valid.
  if (report.sample_ratio?.status === 'mismatch') return found
  for (const comparison of report.comparisons) {
    const isBetter = comparison.difference > 0
    const rule = isBetter ? rules.better : rules.worse
    if (rule.isEnabled && hasVerdict(report.experiment, comparison, firing))
      found.push([rule, verdictFinding(report, comparison)])
  }
  return found
}

function hasVerdict(
  experiment: string,
  { variant, verdict, difference, p_value }: ComparedVariant,
  firing: Firing,
): boolean {
  if (verdict === 'better' || verdict === 'worse') return true
  const rule = difference > 0 ? 'ExperimentVariantBetter' : 'ExperimentVariantWorse'
  return p_value <= VERDICT_ENDS && isFiring(firing, rule, labelsOf(experiment, variant))
}

const labelsOf = (experiment: string, variant: string): Finding['labels'] => [
  ['experiment', experiment],
  ['variant', variant],
]

function verdictFinding({ experiment, variants }: ExperimentReport, comparison: ComparedVariant): Finding {
  const { variant, baseline, difference, difference_interval, p_value } = comparison
  const of = (name: string) => variants.find(one => one.variant === name)
  const [first, second] = [of(baseline), of(variant)]
  const { low = 0, high = 100 } = second?.success_rate_interval ?? {}
  const figure: AlertFigure = {
    name: 'success rate',
    unit: 'percent',
    before: first?.success_rate ?? null,
    after: second?.success_rate ?? 0,
    interval: { low, high },
    n: second?.total_attempts ?? 0,
  }
  const points = `${Math.abs(difference).toFixed(1)} points ${difference > 0 ? 'better' : 'worse'}`
  const interval = `${difference_interval.low.toFixed(1)} to ${difference_interval.high.toFixed(1)}`
  return {
    labels: labelsOf(experiment, variant),
    summary: `${short(experiment)}: ${short(variant)} is ${points} than ${short(baseline)}.`.slice(0, 120),
    evidence: `The difference is ${interval} percentage points (95 %, valid at every look), p = ${p_value.toExponential(1)}. "${variant}" has ${figure.n} attempts, "${baseline}" ${first?.total_attempts ?? 0}.`,
    figures: [figure],
    page: pathOf('experiments', { experiment }),
    question: `api/v1/experiments/${encodeURIComponent(experiment)}`,
  }
}

function ratioFinding({ experiment, variants, sample_ratio }: ExperimentReport, firing: Firing): Finding | undefined {
  const labels = [['experiment', experiment]] as const
  const p = sample_ratio?.p_value ?? 1
  const lasts = p <= RATIO_ENDS && isFiring(firing, 'ExperimentSampleRatioMismatch', labels)
  if (sample_ratio?.status !== 'mismatch' && !lasts) return undefined
  return {
    labels,
    summary: `Attempts of the experiment ${short(experiment)} are not shared as intended.`,
    evidence: `Shares this far off have a probability of at most ${p.toExponential(1)} at any time under the intended assignment.`,
    figures: variants.map(({ variant, total_attempts }) => ({
      name: `attempts of ${variant}`,
      unit: 'count',
      before: null,
      after: total_attempts,
      interval: null,
      n: total_attempts,
    })),
    page: pathOf('experiments', { experiment }),
    question: `api/v1/experiments/${encodeURIComponent(experiment)}`,
  }
}
