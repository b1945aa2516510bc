/** Whether the confidence that an agent states can be believed: what it states against what it achieves. */
import { useAnswer } from '../data/answers.ts'
import type { Given, Query } from '../data/api.ts'
import { NONE, plural, points, score, signed } from '../data/format.ts'
import { Reliability } from '../plots/reliability.tsx'
import { Badge, Notice } from './basics.tsx'
import { Card, Loaded } from './card.tsx'

export function ConfidenceCard({ query }: { query: Query }) {
  const answer = useAnswer('calibration', query)
  return (
    <Card title="Can its confidence be believed?" source={{ path: 'calibration', query }}>
      <Loaded answer={answer} rows={6}>
        {({ overall }) =>
          overall.attempts === 0 ? (
            <Notice>No attempt stated a confidence. Send “confidence” to see whether it can be believed.</Notice>
          ) : (
            <>
              <ul class="sentences">
                <li>
                  {calibrationBadge(overall)} <span>{calibrationSentence(overall)}</span>
                </li>
              </ul>
              <p class="card-body">
                Brier score {overall.brier_score === null ? NONE : score(overall.brier_score)} · calibration error{' '}
                {overall.expected_calibration_error === null ? NONE : score(overall.expected_calibration_error)}
                {overall.expected_calibration_error_band !== null &&
                  ` (chance alone gives up to ${score(overall.expected_calibration_error_band.high)})`}{' '}
                · AUROC {overall.auroc === null ? NONE : score(overall.auroc)}
              </p>
              {!overall.degenerate && <Reliability bins={overall.bins} />}
            </>
          )
        }
      </Loaded>
    </Card>
  )
}

/** ±10 percentage points, as in the verdict of `honesty`. */
const WIDEST_WITHOUT_BIAS = 0.2

type Overall = Given<'calibration'>['overall']

function calibrationBadge({ over_confidence_interval: between, degenerate }: Overall) {
  if (degenerate || between === null) return <Badge tone="open">Cannot tell yet</Badge>
  if (between.low > 0) return <Badge tone="worse">Over-confident</Badge>
  if (between.high < 0) return <Badge tone="worse">Under-confident</Badge>
  // Few attempts show no bias of any size.
  if (between.high - between.low > WIDEST_WITHOUT_BIAS) return <Badge tone="open">Cannot tell yet</Badge>
  return <Badge tone="plain">No bias seen</Badge>
}

function calibrationSentence({ over_confidence, over_confidence_interval, degenerate, attempts }: Overall): string {
  const from = `from ${plural(attempts, 'attempt')}`
  if (degenerate) return `It states nearly always the same confidence (${from}).`
  if (over_confidence === null || over_confidence_interval === null) return `There are too few attempts (${from}).`
  const { low, high } = over_confidence_interval
  return `Stated confidence less the success rate: ${points(over_confidence * 100)}, 95% interval ${signed(low * 100)} to ${signed(high * 100)} (${from}).`
}
