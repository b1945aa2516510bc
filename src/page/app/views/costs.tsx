/** Costs: what a success costs, and which models are worth it. */
import { together, useAnswer } from '../data/answers.ts'
import type { Given } from '../data/api.ts'
import { count, list, money, NONE, plural } from '../data/format.ts'
import { Badge, Notice } from '../parts/basics.tsx'
import { Card, Loaded } from '../parts/card.tsx'
import { countColumn, moneyColumn, rateColumn, textColumn } from '../parts/columns.tsx'
import { type Column, DataTable, tableCsv } from '../parts/data-table.tsx'
import { filterQuery } from '../parts/filters.tsx'
import { Heading } from '../parts/heading.tsx'
import { Judged } from '../parts/judged.tsx'
import { PendingVerdict, Verdict } from '../parts/verdict.tsx'
import { frontPositions, type PricedModel, QualityCost } from '../plots/quality-cost.tsx'

type Costs = Given<'costs'>
type Models = Given<'model-comparison'>

export function CostsView() {
  const query = filterQuery()
  const answer = together(useAnswer('costs', query), useAnswer('model-comparison', { ...query, min_attempts: '1' }))
  const [costs, models] = answer.data ?? []
  const priced = costs && models ? pricedModels(costs, models) : []
  const rows = costs && models ? modelRows(costs, models) : []
  const agents = Object.entries(costs?.by_agent ?? {})
  return (
    <main aria-busy={answer.isBusy}>
      <Heading title="Costs" filters={['agent_name', 'issue_type', 'since']}>
        What a success costs, with 95% intervals.
      </Heading>
      <CostVerdict costs={costs} error={answer.error?.message} priced={priced} />
      <div class="columns wide-left">
        <Card title="Quality against cost" source={{ path: 'costs', query }}>
          <Loaded answer={answer} rows={6}>
            {([{ outcomes }]) => (
              <>
                {priced.length === 0 ? (
                  <Notice>
                    No model has a known cost and a success here. Send “cost_usd”, or tokens of a model that has a
                    price.
                  </Notice>
                ) : (
                  <QualityCost models={priced} />
                )}
                <Judged outcomes={outcomes} />
              </>
            )}
          </Loaded>
        </Card>
        <Card title="By model" csv={tableCsv('costs', MODEL_COLUMNS, rows)}>
          <Loaded answer={answer} rows={4}>
            {() => (
              <DataTable
                caption="Costs by model, the cheapest success first"
                columns={MODEL_COLUMNS}
                rows={rows}
                keyOf={({ name }) => name}
              />
            )}
          </Loaded>
        </Card>
      </div>
      <Card title="By agent" source={{ path: 'costs', query }} csv={tableCsv('costs-by-agent', COST_COLUMNS, agents)}>
        <Loaded answer={answer} rows={4}>
          {() => <DataTable caption="Costs by agent" columns={COST_COLUMNS} rows={agents} keyOf={([name]) => name} />}
        </Loaded>
      </Card>
    </main>
  )
}

type Cost = Costs['overall']
type ModelRow = { readonly name: string; readonly cost: Cost; readonly rate: number | undefined }

const MODEL_COLUMNS: readonly Column<ModelRow>[] = [
  textColumn('Model', ({ name }) => name),
  rateColumn('Rate', row => row.rate),
  estimateColumn('Per success', ({ cost }) => cost.cost_per_success),
  moneyColumn('Total', ({ cost }) => cost.total_cost_usd),
]

const COST_COLUMNS: readonly Column<[string, Cost]>[] = [
  textColumn('Agent', ([name]) => name),
  estimateColumn('Per success', ([, cost]) => cost.cost_per_success),
  estimateColumn('Per attempt', ([, cost]) => cost.cost_per_attempt),
  moneyColumn('Total', ([, cost]) => cost.total_cost_usd),
  countColumn('Attempts', ([, cost]) => cost.total_attempts),
  countColumn('Without a price', ([, cost]) => cost.unpriced),
]

function estimateColumn<Row>(title: string, of: (row: Row) => Cost['cost_per_success']): Column<Row> {
  return { title, cell: row => estimate(of(row)), csv: row => of(row)?.cost_usd }
}

function estimate(value: Cost['cost_per_success']) {
  if (value === null) return NONE
  return (
    <>
      {money(value.cost_usd)}
      {value.interval !== null && (
        <span class="model">
          {money(value.interval.low)} to {money(value.interval.high)}
        </span>
      )}
    </>
  )
}

function CostVerdict({
  costs,
  error,
  priced,
}: {
  costs: Costs | undefined
  error: string | undefined
  priced: readonly PricedModel[]
}) {
  if (costs === undefined) return <PendingVerdict error={error} />
  const { overall } = costs
  const unpriced = Object.entries(costs.by_model)
    .filter(([, own]) => own.unpriced > 0)
    .map(([name]) => name)
  const detail =
    unpriced.length === 0
      ? 'Every attempt has a cost: reported, or computed from tokens.'
      : `Without a price: ${unpriced.slice(0, 5).join(', ')}${unpriced.length > 5 ? ` and ${count(unpriced.length - 5)} more` : ''} (${plural(overall.unpriced, 'attempt')} of ${count(overall.total_attempts)}).`
  if (overall.cost_per_success === null) {
    return (
      <Verdict badge={<Badge tone="open">Cannot tell yet</Badge>} detail={detail}>
        No success has a known cost here.
      </Verdict>
    )
  }
  const positions = frontPositions(priced)
  const front = priced.filter(({ name }) => positions.get(name) === 'on_front').sort((a, b) => a.cost - b.cost)
  const { cost_usd, interval: between } = overall.cost_per_success
  return (
    <Verdict badge={<Badge tone="plain">Overall</Badge>} detail={detail}>
      A success costs {money(cost_usd)}
      {between !== null && `, 95% interval ${money(between.low)} to ${money(between.high)}`}.{' '}
      {front.length > 0 && (
        <>
          Nothing is both better and cheaper than <strong>{list(front.map(({ name }) => name))}</strong>.
        </>
      )}
    </Verdict>
  )
}

type ModelAnswer = {
  readonly avg_success_rate: number
  readonly success_rate_interval: { readonly low: number; readonly high: number }
}

/** The answer is a record by model, beside its range. */
function modelOf(models: Models, name: string): ModelAnswer | undefined {
  const own = models[name]
  return own !== undefined && 'avg_success_rate' in own ? own : undefined
}

function pricedModels(costs: Costs, models: Models): PricedModel[] {
  return Object.entries(costs.by_model).flatMap(([name, { cost_per_success }]) => {
    const own = modelOf(models, name)
    if (own === undefined || cost_per_success === null || cost_per_success.cost_usd <= 0) return []
    const cost = cost_per_success.cost_usd
    const costInterval = cost_per_success.interval ?? { low: cost, high: cost }
    return [{ name, rate: own.avg_success_rate, rateInterval: own.success_rate_interval, cost, costInterval }]
  })
}

function modelRows(costs: Costs, models: Models): ModelRow[] {
  const rows = Object.entries(costs.by_model).map(([name, cost]) => ({
    name,
    cost,
    rate: modelOf(models, name)?.avg_success_rate,
  }))
  const costOf = ({ cost }: ModelRow): number => cost.cost_per_success?.cost_usd ?? Number.POSITIVE_INFINITY
  return rows.sort((a, b) => (costOf(a) === costOf(b) ? 0 : costOf(a) - costOf(b)))
}
