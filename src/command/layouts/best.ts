/** `best`: the agent that should get the next issue of a type. */
import type { Contender, DecidedBestAgent, Decision } from '../../core/reports/best-agent.ts'
import type { Rate } from '../../core/reports/rate.ts'
import { confidence, counted, interval, percent, seconds, usd, usdInterval } from '../format.ts'
import { bold, type Io, widthOf } from '../io.ts'
import type { Layout } from '../layout.ts'
import { printable } from '../table.ts'
import { tooFew, wrapLines } from '../text.ts'

const HELP = `
--rank-by success_rate takes the highest rate, which a few lucky attempts can
reach. lower_bound takes the highest lower end of the 95 % interval, which they
cannot. shrunk takes the highest rate after borrowing from what the agents do at
other issue types, which is better with few attempts. expected_cost takes the
lowest cost per success; the verdict is then about that cost.

You may ask as often as you like: a verdict that is wrong appears in at most 5 %
of histories.

Exits with 1 if no agent has enough attempts.

Examples:
  agent-performance best bug
  agent-performance best bug --rank-by lower_bound --since 30d
  agent=$(agent-performance best bug --json | jq -r .agent_name)`

export const layout: Layout<'best-agent'> = {
  help: HELP,
  noAnswer: (best, { min_attempts, issue_type }) =>
    best === undefined ? tooFew('Nobody', min_attempts, `at "${printable(issue_type)}"`) : undefined,
  text: (best, _given, io) => bestText(best, io),
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

const verdictLines = (best: DecidedBestAgent, io: Io): string[] =>
  verdict(best).flatMap(line => wrapLines(line, widthOf(io.stdout) - VERDICT_AT, '  '))

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
  if (contenders.length === 0) return ['nobody to compare with']
  const named = contenders
    .slice(0, NAMED)
    .map(one => `- ${agentText(one)}: ${decided_by === 'success_rate' ? rateText(one) : costText(one)}`)
  const rest = contenders.length - named.length
  return [
    `not decided: ${chance}; ${asGood} may be`,
    ...named,
    ...(rest > 0 ? [`- ${counted(rest, 'other')}`] : []),
    ...(attempts_to_decide === null
      ? []
      : [`about ${counted(attempts_to_decide, 'more attempt')} of each would decide it`]),
  ]
}

const agentText = ({ agent_name, model_name }: Pick<DecidedBestAgent, 'agent_name' | 'model_name'>): string =>
  `${printable(agent_name)} with ${printable(model_name)}`

const rateText = ({ success_rate, success_rate_interval, total_attempts }: Rate): string =>
  `${percent(success_rate)} ${interval(success_rate_interval)} of ${counted(total_attempts, 'attempt')}`

const costText = ({ cost_per_success }: Pick<Contender, 'cost_per_success'>): string =>
  cost_per_success === null
    ? 'unknown'
    : `${usd(cost_per_success.cost_usd)} ${usdInterval(cost_per_success.interval)} per success`
