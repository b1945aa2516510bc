/** `costs`: the cost per attempt and per success. */
import type { CostAnswer, CostReport } from '../../core/reports/cost-report.ts'
import type { Selection } from '../../core/reports/selection.ts'
import { counted, usd, usdInterval, whole } from '../format.ts'
import type { Hints } from '../hints.ts'
import type { Io } from '../io.ts'
import type { Layout } from '../layout.ts'
import type { Column } from '../table.ts'
import { groupTables, nothingYet, wrapped } from '../text.ts'

const HELP = `
A cost is the one that the attempt reported (cost_usd), or is computed from its
tokens and the price of its model. Unknown costs are counted as unknown, never
as 0. The cost per success is the cost of all attempts, failures included, for
each success. The 95 % interval is that of the cost per success.

Prices of your own: agent-performance serve --prices FILE, with lines such as
  my-model: {input: 3, output: 15, cache_read: 0.3, cache_write: 3.75}
in US dollars per million tokens.

Examples:
  agent-performance costs
  agent-performance costs --since 30d --agent-name droid
  agent-performance costs --json | jq '.by_model | map_values(.total_cost_usd)'`

export const layout: Layout<'costs'> = {
  help: HELP,
  isEmpty: ({ overall }) => overall.total_attempts === 0,
  text: costText,
}

function costText(report: CostReport, given: Selection, io: Io, hints: Hints): string {
  const { overall } = report
  if (overall.total_attempts === 0) return nothingYet(given, hints)
  if (overall.total_cost_usd === null) return wrapped(noneKnown(overall), io)
  return [
    wrapped(overallText(overall), io),
    wrapped(tokenText(overall), io),
    ...groupTables(report, COLUMNS, rowsOf, io),
  ].join('\n')
}

function noneKnown({ total_attempts }: CostAnswer): string {
  const how = 'Record cost_usd, or input_tokens and output_tokens for the cost to be computed from'
  return `No cost is known of ${counted(total_attempts, 'attempt')}. ${how}; prices of models that are not known are given to the sidecar: agent-performance serve --prices FILE.`
}

function overallText({
  total_attempts,
  total_cost_usd,
  cost_per_success,
  reported,
  computed,
  unpriced,
}: CostAnswer): string {
  const success =
    cost_per_success === null
      ? 'nothing has succeeded yet'
      : `${usd(cost_per_success.cost_usd)} ${usdInterval(cost_per_success.interval)} for each success`
  const sources = [
    `${whole(reported)} reported`,
    `${whole(computed)} computed from tokens`,
    `${whole(unpriced)} not known and in no sum`,
  ]
  return `${usd(total_cost_usd)} for ${counted(total_attempts - unpriced, 'attempt')}, ${success}; of ${whole(total_attempts)} costs ${sources.join(', ')}.`
}

function tokenText({ tokens }: CostAnswer): string {
  const { input, output, cache_read, cache_write } = tokens
  return `Tokens: ${whole(input)} in, ${whole(output)} out, ${whole(cache_read)} read from a cache, ${whole(cache_write)} written to one.`
}

const COLUMNS: readonly Column[] = ['in all', 'per attempt', 'per success', '95 % interval', 'unknown'].map(title => ({
  title,
  align: 'right',
}))

/** Highest total cost first. Groups without a known cost come last. */
function rowsOf(groups: Readonly<Record<string, CostAnswer>>): string[][] {
  return Object.entries(groups)
    .sort(([, a], [, b]) => (b.total_cost_usd ?? -1) - (a.total_cost_usd ?? -1))
    .map(([name, costs]) => [
      name,
      usd(costs.total_cost_usd),
      usd(costs.cost_per_attempt?.cost_usd),
      usd(costs.cost_per_success?.cost_usd),
      usdInterval(costs.cost_per_success?.interval),
      costs.unpriced === 0 ? '-' : `${whole(costs.unpriced)} of ${whole(costs.total_attempts)}`,
    ])
}
