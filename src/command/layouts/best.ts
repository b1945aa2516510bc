/** `best`: the agent that should get the next issue of a type. */
import type { Contender, DecidedBestAgent, Decision, Ranking } from '../../core/reports/best-agent.ts'
import type { Rate } from '../../core/reports/rate.ts'
import type { Input } from '../../questions/questions.ts'
import { confidence, counted, interval, percent, seconds, usd, usdInterval, whole } from '../format.ts'
import { bold, type Io, styled, widthOf } from '../io.ts'
import type { Layout } from '../layout.ts'
import { printable } from '../table.ts'
import { note, tooFew, wrapLines } from '../text.ts'

const HELP = `
--rank-by success_rate takes the highest rate, which a few lucky attempts can
reach. lower_bound takes the highest lower end of the 95 % interval, which they
cannot. shrunk takes the highest rate after borrowing from what the agents do at
other issue types, which is better with few attempts. expected_cost takes the
lowest cost per success; the verdict is then about that cost.

You may ask as often as you like: a verdict that is wrong appears in at most 5 %
of histories.

"route" may name another agent: it ranks by the lower end of the interval, and
takes agents from 1 attempt on. If it takes more than 10,000 further attempts of
each agent to decide, that is called out of reach.

Exits with 1 if no agent has enough attempts.

Examples:
  agent-performance best bug
  agent-performance best bug --rank-by lower_bound --since 30d
  agent=$(agent-performance best bug --json | jq -r .agent_name)`

export const layout: Layout<'best-agent'> = {
  help: HELP,
  noAnswer: (best, { min_attempts, issue_type }, _io, hints) =>
    best === undefined ? tooFew('No agent', min_attempts, `at "${printable(issue_type)}"`, hints) : undefined,
  text: (best, given, io) => bestText(best, io) + rankingNote(given, io),
}

/** Why `route` may name another agent. Empty if the question states both the ranking and the number of attempts. */
function rankingNote({ rank_by, min_attempts }: Input<'best-agent'>, io: Io): string {
  if (rank_by !== undefined && min_attempts !== undefined) return ''
  const ranked = `The ${RANKED_BY[rank_by ?? 'success_rate']} among those with ${counted(min_attempts ?? 5, 'attempt')} or more.`
  return `\n\n${note(`${ranked} "route" ranks by the lower end of the interval, from 1 attempt on.`, io)}`
}

const RANKED_BY: Readonly<Record<Ranking, string>> = {
  success_rate: 'highest success rate',
  lower_bound: 'highest lower end of the interval',
  shrunk: 'highest shrunk rate',
  expected_cost: 'lowest cost per success',
}

function bestText(best: DecidedBestAgent, io: Io): string {
  const stated = best.avg_confidence === null ? 'never stated' : `${confidence(best.avg_confidence)} on average`
  return [
    bold(agentText(best), io.stdout, io.env),
    `  success     ${rateText(best)}`,
    ...(best.shrunk_rate === null
      ? []
      : [`  shrunk      ${percent(best.shrunk_rate)}, by what other issue types tell of the agents`]),
    ...(best.decided_by === 'success_rate' ? [] : [`  cost        ${costText(best)}`]),
    `  confidence  ${stated}`,
    `  time        ${seconds(best.avg_time_seconds)} on average`,
    `  verdict     ${verdictLines(best, io).join(`\n${' '.repeat(VERDICT_AT)}`)}`,
  ].join('\n')
}

/** The column at which the verdict begins. */
const VERDICT_AT = 14

function verdictLines(best: DecidedBestAgent, io: Io): string[] {
  const [first, ...others] = verdict(best).map(line => wrapLines(line, widthOf(io.stdout) - VERDICT_AT, '  '))
  const style = best.decisive ? 'green' : 'yellow'
  return [...first!.map(line => styled(style, line, io.stdout, io.env)), ...others.flat()]
}

/** Maximum number of contenders named. The text only counts the others. */
const NAMED = 3

const WORDS: Readonly<Record<Decision, { readonly best: string; readonly better: string; readonly asGood: string }>> = {
  success_rate: { best: 'the best', better: 'better than every other', asGood: 'as good' },
  cost_per_success: { best: 'the cheapest per success', better: 'cheaper than every other', asGood: 'as cheap' },
}

function verdict({ decided_by, decisive, contenders, p_best, attempts_to_decide }: DecidedBestAgent): string[] {
  const { best, better, asGood } = WORDS[decided_by]
  const chance = `${best} with a probability of ${percent(p_best * 100)}`
  if (decisive) return [`${better}: ${chance}`]
  if (contenders.length === 0) return ['no other agent to compare with']
  const named = contenders
    .slice(0, NAMED)
    .map(one => `- ${agentText(one)}: ${decided_by === 'success_rate' ? rateText(one) : costText(one)}`)
  const rest = contenders.length - named.length
  return [
    `not decided: ${chance}; ${asGood} may be`,
    ...named,
    ...(rest > 0 ? [`- ${counted(rest, 'other')}`] : []),
    ...(attempts_to_decide === null ? [] : [planText(attempts_to_decide)]),
  ]
}

/** More further attempts of each agent than anybody waits for. */
const OUT_OF_REACH = 10_000

function planText(attempts: number): string {
  if (attempts <= OUT_OF_REACH) return `about ${counted(attempts, 'more attempt')} of each would decide it`
  return `out of reach: it takes more than ${whole(OUT_OF_REACH)} more attempts of each to decide it`
}

const agentText = ({ agent_name, model_name }: Pick<DecidedBestAgent, 'agent_name' | 'model_name'>): string =>
  `${printable(agent_name)} with ${printable(model_name)}`

const rateText = ({ success_rate, success_rate_interval, total_attempts }: Rate): string =>
  `${percent(success_rate)} ${interval(success_rate_interval)} of ${counted(total_attempts, 'attempt')}`

const costText = ({ cost_per_success }: Pick<Contender, 'cost_per_success'>): string =>
  cost_per_success === null
    ? 'unknown'
    : `${usd(cost_per_success.cost_usd)} ${usdInterval(cost_per_success.interval)} per success`
