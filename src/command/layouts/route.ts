/** `route`: a ranked list of agents for the next issue. */
import type { RouteAnswer, RoutingReport } from '../../core/reports/routing.ts'
import type { Exclusion } from '../../core/statistics/ranking.ts'
import type { Input } from '../../questions/questions.ts'
import { counted, RATE_COLUMNS, rateCells, seconds, usd } from '../format.ts'
import type { Hints } from '../hints.ts'
import { bold, type Io } from '../io.ts'
import type { Layout } from '../layout.ts'
import { type Column, printable } from '../table.ts'
import { note, tableText, wrapped } from '../text.ts'

const HELP = `
Agents are ranked by the lower end of the interval of their success rate. "best"
is the probability that an agent is the best of them, "cost" its expected cost
per success. --rank-by shrunk ranks by a rate that borrows from what the agents
do at other issue types ("shrunk"), which is better with few attempts.

--explore draws the order at random instead, so that agents with few attempts
are tried too, and those that never tried this issue type. The same --seed draws
the same order. --half-life gives older attempts less weight: half after every
half-life. --min-success-rate leaves out those whose whole interval is below it.

Exits with 1 if no agent meets the conditions.

Examples:
  agent-performance route bug
  agent-performance route bug --max-cost-usd 0.50 --min-success-rate 70
  agent-performance route bug --half-life 14d --explore --seed issue-4711
  agent=$(agent-performance route bug --json | jq -r '.ranked[0].agent_name')`

export const layout: Layout<'route'> = {
  help: HELP,
  // A seed implies --explore.
  adjust: given => (given.seed === undefined ? given : { ...given, explore: true }),
  noAnswer: (report, _given, io, hints) => (report.ranked.length === 0 ? noRouteText(report, io, hints) : undefined),
  text: (report, given, io) => routeText(report, given.half_life !== undefined, io) + rankingNote(report, given, io),
}

/** Why `best` may name another agent. Empty if the question states both the ranking and the number of attempts, or explores. */
function rankingNote({ explore }: RoutingReport, { rank_by, min_attempts }: Input<'route'>, io: Io): string {
  if (explore || (rank_by !== undefined && min_attempts !== undefined)) return ''
  const by = rank_by === 'shrunk' ? 'the shrunk rate' : 'the lower end of the interval'
  const ranked = `Ranked by ${by}, from ${counted(min_attempts ?? 1, 'attempt')} on.`
  return `\n\n${note(`${ranked} "best" takes the highest success rate, from 5 attempts on.`, io)}`
}

function noRouteText(report: RoutingReport, io: Io, { options }: Hints): string {
  const at = `"${printable(report.issue_type)}"`
  const excluded = exclusions(report, io)
  if (excluded.length > 0) return [`No agent fulfils the conditions at ${at}:`, ...excluded].join('\n')
  return `No agent has enough attempts at ${at} that fit the question: "agent-performance report${options}" lists what there is.`
}

function routeText(report: RoutingReport, isDiscounted: boolean, io: Io): string {
  const first = report.ranked[0]!
  const isShrunk = first.shrunk_rate !== null
  const columns = [
    ...WHO,
    ...RATE_COLUMNS,
    ...(isShrunk ? [{ title: 'shrunk', align: 'right' } as const] : []),
    { title: report.explore ? 'drawn' : 'best', align: 'right' } as const,
    ...REST,
  ]
  const excluded = exclusions(report, io)
  return [
    bold(printable(`${first.agent_name} with ${first.model_name}`), io.stdout, io.env),
    '',
    tableText(columns, report.ranked.map(routeCells), io),
    ...(isDiscounted ? ['', wrapped(DISCOUNTED, io)] : []),
    ...(excluded.length === 0 ? [] : ['', 'Left out:', ...excluded]),
    ...(report.seed === null
      ? []
      : ['', wrapped(`Drawn: --seed ${report.seed} gives this order again, while no attempt is added.`, io)]),
  ].join('\n')
}

const DISCOUNTED = 'Success, cost and time are of all attempts; in the order older ones count for less.'

const WHO: readonly Column[] = ['agent', 'model'].map(title => ({ title, align: 'left' }))
const REST: readonly Column[] = ['cost', 'time'].map(title => ({ title, align: 'right' }))

function routeCells(route: RouteAnswer): string[] {
  return [
    route.agent_name,
    route.model_name,
    ...rateCells(route),
    ...(route.shrunk_rate === null ? [] : [`${route.shrunk_rate.toFixed(1)} %`]),
    `${(route.draw ?? route.p_best * 100).toFixed(0)} %`,
    usd(route.expected_cost_per_success_usd),
    seconds(route.avg_time_seconds),
  ]
}

const REASONS: Readonly<Record<Exclusion, string>> = {
  cost_unknown: 'what a success costs is not known',
  cost_above_max: 'a success costs more',
  no_attempts: 'has no attempts that count',
  success_rate_below_min: 'succeeds less often',
  below_min_attempts: 'has too few attempts',
}

/** Of those left out, so many are named; the others are counted. */
const NAMED = 10

function exclusions({ excluded }: RoutingReport, io: Io): string[] {
  const named = excluded
    .slice(0, NAMED)
    .map(one => wrapped(`- ${one.agent_name} with ${one.model_name}: ${REASONS[one.reason]}`, io, '  '))
  const rest = excluded.length - named.length
  return rest > 0 ? [...named, `- ${counted(rest, 'other')}`] : named
}
