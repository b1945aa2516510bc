/** `best`: the agent that should get the next issue of a type. */
import type { DecidedBestAgent, Ranking } from '../../core/reports/best-agent.ts'
import type { Rate } from '../../core/reports/rate.ts'
import { confidence, counted, interval, percent, seconds } from '../format.ts'
import { bold, type Io, widthOf } from '../io.ts'
import type { Layout } from '../layout.ts'
import { printable } from '../table.ts'
import { tooFew, wrapLines } from '../text.ts'

const HELP = `
--rank-by success_rate takes the highest rate, which a few lucky attempts can
reach. lower_bound takes the highest lower end of the 95 % interval, which they
cannot. expected_cost takes the lowest cost per success ("route" shows costs).
The verdict is always about the success rate.

Exits with 1 if no agent has enough attempts.

Examples:
  agent-performance best bug
  agent-performance best bug --rank-by lower_bound --since 30d
  agent=$(agent-performance best bug --json | jq -r .agent_name)`

export const layout: Layout<'best-agent'> = {
  help: HELP,
  noAnswer: (best, { min_attempts, issue_type }) =>
    best === undefined ? tooFew('Nobody', min_attempts, `at "${printable(issue_type)}"`) : undefined,
  text: (best, { rank_by }, io) => bestText(best, rank_by, io),
}

function bestText(best: DecidedBestAgent, rankBy: Ranking | undefined, io: Io): string {
  const stated = best.avg_confidence === null ? 'never stated' : `${confidence(best.avg_confidence)} on average`
  return [
    bold(agentText(best), io.stdout, io.env),
    `  success     ${rateText(best)}`,
    `  confidence  ${stated}`,
    `  time        ${seconds(best.avg_time_seconds)} on average`,
    `  verdict     ${verdictLines(best, rankBy, io).join(`\n${' '.repeat(VERDICT_AT)}`)}`,
  ].join('\n')
}

/** The column at which the verdict begins. */
const VERDICT_AT = 14

const verdictLines = (best: DecidedBestAgent, rankBy: Ranking | undefined, io: Io): string[] =>
  [...(rankBy === 'expected_cost' ? [OF_RATE] : []), ...verdict(best)].flatMap(line =>
    wrapLines(line, widthOf(io.stdout) - VERDICT_AT, '  '),
  )

const OF_RATE = 'of the success rate, not of the cost:'

/** Maximum number of contenders named. The text only counts the others. */
const NAMED = 3

function verdict({ decisive, contenders, p_best, attempts_to_decide }: DecidedBestAgent): string[] {
  const chance = `the best with a probability of ${percent(p_best * 100)}`
  if (decisive) return [`better than every other: ${chance}`]
  if (contenders.length === 0) return ['nobody to compare with']
  const named = contenders.slice(0, NAMED).map(one => `- ${agentText(one)}: ${rateText(one)}`)
  const rest = contenders.length - named.length
  return [
    `not decided: ${chance}; as good may be`,
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
