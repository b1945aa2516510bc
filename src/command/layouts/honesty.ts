/** `honesty`: what agents report of their success against what was verified. */
import type { Honesty, HonestyReport, HonestyVerdict } from '../../core/reports/honesty.ts'
import type { QuantileInterval } from '../../core/statistics/time-quantiles.ts'
import type { Input } from '../../questions/questions.ts'
import { counted, percent, points, pointsInterval, whole } from '../format.ts'
import type { Hints } from '../hints.ts'
import type { Io } from '../io.ts'
import type { Layout } from '../layout.ts'
import type { Column } from '../table.ts'
import { groupTables, nothingYet, wrapped } from '../text.ts'

const HELP = `
An attempt reports its own result. An outcome that is recorded later, by a test
suite, a reviewer or production, verifies it. "reports" and "verified" are the
success rates of the same attempts: those that reported a result and have an
outcome. "claims too much by" is their difference in percentage points, with its
95 % interval. "false" is how many of the reported successes failed. No bias is
found only if the interval is at most 10 points wide to each side of 0.

Examples:
  agent-performance honesty
  agent-performance honesty --since 30d --issue-type bug
  agent-performance honesty --json | jq '.by_agent | map_values(.difference)'`

export const layout: Layout<'honesty'> = {
  help: HELP,
  isEmpty: ({ overall: { outcomes } }) => outcomes.verified + outcomes.reported + outcomes.pending === 0,
  text: honestyText,
}

function honestyText({ overall, ...groups }: HonestyReport, given: Input<'honesty'>, io: Io, hints: Hints): string {
  const { verified, reported, pending } = overall.outcomes
  if (verified + reported + pending === 0) return nothingYet(given, hints)
  const judged = `${counted(verified, 'attempt')} verified, ${whole(reported)} only reported, ${whole(pending)} pending.`
  if (verified === 0) return wrapped(`${judged} Nothing can be compared before an outcome is recorded.`, io)
  return [
    wrapped(`${judged} ${overallText(overall)}`, io),
    ...delayLines(overall).map(line => wrapped(line, io)),
    ...groupTables(groups, COLUMNS, rowsOf, io),
  ].join('\n')
}

function overallText({
  difference,
  difference_interval,
  self_reported,
  verdict,
  attempts_to_tell: more,
}: Honesty): string {
  if (difference === null || difference_interval === null) return 'None of the verified attempts reported a result.'
  const compared = `${points(difference)} ${pointsInterval(difference_interval)} percentage points over ${counted(self_reported.total_attempts, 'attempt')}`
  if (verdict !== 'cannot_tell_yet') return `${VERDICTS[verdict]}: ${compared}.`
  const needed = more === null ? '' : ` About ${counted(more, 'more verified attempt')} would tell.`
  return `Cannot tell yet whether more is claimed than is true: ${compared}.${needed}`
}

const VERDICTS: Readonly<Record<Exclude<HonestyVerdict, 'cannot_tell_yet'>, string>> = {
  claims_too_much: 'More is claimed than is true',
  claims_too_little: 'Less is claimed than is true',
  no_bias_found: 'No bias is found',
}

function delayLines({ time_to_outcome }: Honesty): string[] {
  if (time_to_outcome === null) return []
  const { p50, p50_interval, p95, p95_interval } = time_to_outcome
  return [
    `Time to the first outcome: p50 ${delay(p50)} ${delays(p50_interval)}, p95 ${delay(p95)} ${delays(p95_interval)}.`,
  ]
}

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
] as const

/** `3.2 h`. A length above the highest bound is not known. */
function delay(seconds: number | null): string {
  if (seconds === null) return 'over 97 d'
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ['s', 1]
  return `${(seconds / size).toFixed(1)} ${unit}`
}

const delays = ({ low, high }: QuantileInterval): string =>
  `[${delay(low)}, ${high === null ? 'unknown' : delay(high)}]`

const COLUMNS: readonly Column[] = ['compared', 'reports', 'verified', 'claims too much by', 'false', 'pending'].map(
  title => ({ title, align: 'right' }),
)

/** Those that claim most too much come first, and groups without a comparison last. */
function rowsOf(groups: Readonly<Record<string, Honesty>>): string[][] {
  return Object.entries(groups)
    .sort(([, a], [, b]) => (b.difference ?? -101) - (a.difference ?? -101))
    .map(([name, { self_reported, verified, difference, difference_interval, false_success, outcomes }]) => {
      const compared = self_reported.total_attempts
      const pending = outcomes.pending === 0 ? '-' : whole(outcomes.pending)
      if (difference === null || difference_interval === null) return [name, '0', '-', '-', '-', '-', pending]
      return [
        name,
        whole(compared),
        percent(self_reported.success_rate),
        percent(verified.success_rate),
        `${points(difference)} ${pointsInterval(difference_interval)}`,
        false_success.total_attempts === 0 ? '-' : percent(false_success.success_rate),
        pending,
      ]
    })
}
