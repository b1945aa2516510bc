/** Whether an agent's own reports can be believed: what it reports against what outcomes verified. */
import { useAnswer } from '../data/answers.ts'
import type { Given, Query } from '../data/api.ts'
import { duration, interval, NONE, plural, points, rate, signed } from '../data/format.ts'
import { Badge } from './basics.tsx'
import { Card } from './card.tsx'
import { Judged } from './judged.tsx'

type Honesty = Given<'honesty'>['overall']

/** Nothing before the first outcome or pending attempt: the usual case needs no card. */
export function HonestyCard({ query }: { query: Query }) {
  const own = useAnswer('honesty', query).data?.overall
  if (own === undefined || own.outcomes.verified + own.outcomes.pending === 0) return null
  return (
    <Card title="Can its reports be believed?" source={{ path: 'honesty', query }}>
      <ul class="sentences">
        <li>
          {badgeOf(own)} <span>{differenceSentence(own)}</span>
        </li>
      </ul>
      {own.false_success.total_attempts > 0 && (
        <p class="card-body">
          Of its reported successes, {rate(own.false_success.success_rate)} failed, 95% interval{' '}
          {interval(own.false_success.success_rate_interval)} ({plural(own.false_success.total_attempts, 'attempt')}).
        </p>
      )}
      {own.time_to_outcome !== null && (
        <p class="card-body">
          Median time to the first outcome:{' '}
          {own.time_to_outcome.p50 === null ? NONE : duration(own.time_to_outcome.p50)}
        </p>
      )}
      <Judged outcomes={own.outcomes} />
    </Card>
  )
}

function badgeOf({ verdict }: Honesty) {
  if (verdict === 'claims_too_much') return <Badge tone="worse">Claims too much</Badge>
  if (verdict === 'claims_too_little') return <Badge tone="plain">Claims too little</Badge>
  if (verdict === 'no_bias_found') return <Badge tone="plain">No bias found</Badge>
  return <Badge tone="open">Cannot tell yet</Badge>
}

function differenceSentence({
  self_reported,
  verified,
  difference,
  difference_interval,
  verdict,
  attempts_to_tell: more,
}: Honesty): string {
  if (difference === null || difference_interval === null)
    return 'No attempt both reported a result and has an outcome.'
  const { low, high } = difference_interval
  return `It reports ${rate(self_reported.success_rate)}, and ${rate(verified.success_rate)} are verified: ${points(difference)}, 95% interval ${signed(low)} to ${signed(high)} (from ${plural(self_reported.total_attempts, 'attempt')}).${verdict === 'cannot_tell_yet' && more !== null ? ` About ${plural(more, 'more verified attempt')} would tell.` : ''}`
}
