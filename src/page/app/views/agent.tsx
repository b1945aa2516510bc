/** One agent: how its rate develops, whether its confidence can be believed, and where it is good. */
import type { AgentAttempt } from '../../../core/attempt/attempt.ts'
import { useAnswer } from '../data/answers.ts'
import type { Given, Query } from '../data/api.ts'
import { useNewestAttempts } from '../data/attempts.ts'
import { count, dateTime, duration, money, NONE, plural } from '../data/format.ts'
import { parameters } from '../data/router.ts'
import { LiveAttemptTable } from '../parts/attempt-table.tsx'
import { Link, Notice } from '../parts/basics.tsx'
import { Card, Loaded } from '../parts/card.tsx'
import { countColumn, intervalColumn, numberColumn, rateColumn, textColumn } from '../parts/columns.tsx'
import { ConfidenceCard } from '../parts/confidence-card.tsx'
import { type Column, DataTable, tableCsv } from '../parts/data-table.tsx'
import { Figure, TotalCostFigure } from '../parts/figure.tsx'
import { filterQuery } from '../parts/filters.tsx'
import { Heading } from '../parts/heading.tsx'
import { HonestyCard } from '../parts/honesty-card.tsx'
import { RatesCard } from '../parts/rates-card.tsx'
import { TrendVerdict } from '../parts/trend-verdict.tsx'
import { Durations } from '../plots/durations.tsx'
import { RateKey, RateOverTime } from '../plots/rate-over-time.tsx'

export function AgentView() {
  return parameters.value['agent_name'] === undefined ? (
    <ChooseAgent />
  ) : (
    <ShownAgent key={parameters.value['agent_name']} agent={parameters.value['agent_name']} />
  )
}

function ChooseAgent() {
  const query: Query = { ...filterQuery(), group_by: 'agent_name' }
  const answer = useAnswer('success-rate', query)
  return (
    <main aria-busy={answer.isBusy}>
      <Heading title="One agent" filters={['issue_type', 'since']}>
        Choose an agent.
      </Heading>
      <RatesCard
        title="Agents"
        query={query}
        answer={answer}
        to={agent_name => (
          <Link to="agent" query={{ agent_name, since: query['since'] }}>
            {agent_name}
          </Link>
        )}
      />
    </main>
  )
}

function ShownAgent({ agent }: { agent: string }) {
  const query = filterQuery()
  const trends = useAnswer('trends', query)
  const board = useAnswer('leaderboard', query)
  const costs = useAnswer('costs', query)
  const drift = trends.data?.agents[agent]
  const cost = costs.data?.overall
  const models = board.data?.rows ?? []
  return (
    <main aria-busy={trends.isBusy || board.isBusy || costs.isBusy}>
      <Heading title={agent} filters={['agent_name', 'model_name', 'issue_type', 'since']} />
      <TrendVerdict answer={trends} />
      <div class="figures">
        <Figure
          label="Attempts"
          value={cost === undefined ? NONE : count(cost.total_attempts)}
          note={models.length === 0 ? '' : `with ${plural(models.length, 'model')}`}
          explain={{ path: 'costs', query, field: ['overall', 'total_attempts'] }}
        />
        <Figure
          label="Drift"
          value={
            drift === undefined
              ? NONE
              : drift.direction === 'none'
                ? 'None'
                : drift.direction === 'down'
                  ? 'Down'
                  : 'Up'
          }
          note={
            drift === undefined
              ? 'too few attempts for a baseline'
              : drift.began_attempts_ago === null
                ? 'at its recent rate'
                : `since ${dateTime(drift.began_at ?? '')}, about ${plural(drift.began_attempts_ago, 'attempt')}`
          }
          explain={{ path: 'trends', query, field: ['agents', '*', 'began_at'] }}
        />
        <Figure
          label="Cost per success"
          value={cost?.cost_per_success == null ? NONE : money(cost.cost_per_success.cost_usd)}
          note={
            cost?.cost_per_success?.interval == null
              ? 'no price known'
              : `95% interval ${money(cost.cost_per_success.interval.low)} to ${money(cost.cost_per_success.interval.high)}`
          }
          explain={{ path: 'costs', query, field: ['overall', 'cost_per_success'], attempts: cost?.total_attempts }}
        />
        <TotalCostFigure label="Total cost" cost={cost} query={query} />
      </div>
      <Card title="Rate over time" legend={<RateKey />} source={{ path: 'trends', query }}>
        <Loaded answer={trends} rows={6}>
          {data =>
            data.points.length === 0 ? (
              <Notice>No attempts in the range.</Notice>
            ) : (
              <RateOverTime
                label={`Success rate of ${agent} over time`}
                points={data.points}
                drift={drift?.direction === 'none' || drift?.began_at === null ? undefined : drift}
              />
            )
          }
        </Loaded>
      </Card>
      <div class="columns">
        <div>
          <ConfidenceCard query={query} />
          <Card
            title="Models and their times"
            source={{ path: 'leaderboard', query }}
            csv={tableCsv('models', MODEL_COLUMNS, models)}
          >
            <Loaded answer={board} rows={3}>
              {data => (
                <DataTable
                  caption="Models"
                  columns={MODEL_COLUMNS}
                  rows={data.rows}
                  keyOf={({ model_name }) => model_name}
                />
              )}
            </Loaded>
          </Card>
        </div>
        <div>
          <IssueTypes query={query} />
          <HonestyCard query={query} />
        </div>
      </div>
      <Newest agent={agent} query={query} />
    </main>
  )
}

type BoardRow = Given<'leaderboard'>['rows'][number]

const MODEL_COLUMNS: readonly Column<BoardRow>[] = [
  textColumn('Model', ({ model_name }) => model_name),
  rateColumn('Rate', ({ success_rate }) => success_rate),
  intervalColumn(({ success_rate_interval }) => success_rate_interval),
  countColumn('Attempts', ({ total_attempts }) => total_attempts),
  numberColumn('Median time', ({ time_seconds }) => time_seconds?.p50, duration),
  numberColumn('95th percentile', ({ time_seconds }) => time_seconds?.p95, duration),
]

/** Issue types that the list shows at first. */
const SHOWN_TYPES = 12

function IssueTypes({ query }: { query: Query }) {
  const asked = { ...query, group_by: 'issue_type' }
  const answer = useAnswer('success-rate', asked)
  return (
    <RatesCard
      title="Issue types"
      query={asked}
      answer={answer}
      limit={SHOWN_TYPES}
      to={issue_type => (
        <Link to="best" query={{ issue_type, since: query['since'] }}>
          {issue_type}
        </Link>
      )}
    />
  )
}

/** The newest attempts: how long they took, and the last ones as rows. */
function Newest({ agent, query }: { agent: string; query: Query }) {
  const { answer, attempts } = useNewestAttempts(query)
  return (
    <>
      <Card title="Durations" legend={<DurationKey attempts={attempts} />} source={{ path: 'attempts', query }}>
        <Loaded answer={answer} rows={6}>
          {() =>
            attempts.some(({ time_seconds }) => time_seconds > 0) ? (
              <Durations label={`Durations of the newest attempts of ${agent}`} attempts={attempts} />
            ) : (
              <Notice>No single attempt with a known time is kept in the range.</Notice>
            )
          }
        </Loaded>
      </Card>
      <Card title="Recent attempts" source={{ path: 'attempts', query }}>
        <Loaded answer={answer} rows={4}>
          {() =>
            attempts.length === 0 ? (
              <Notice>No single attempts are kept in the range.</Notice>
            ) : (
              <LiveAttemptTable caption="Recent attempts" attempts={attempts.slice(0, 10)} />
            )
          }
        </Loaded>
      </Card>
    </>
  )
}

function DurationKey({ attempts }: { attempts: readonly AgentAttempt[] }) {
  return (
    <>
      <span>the newest {plural(attempts.length, 'attempt')}</span>
      <span class="key">
        <svg width="12" height="12" aria-hidden="true">
          <path class="mark success" d="M6,6h0" />
        </svg>
        solved
      </span>
      <span class="key">
        <svg width="12" height="12" aria-hidden="true">
          <path class="mark failure" d="M3,3l6,6m0,-6l-6,6" />
        </svg>
        failed
      </span>
      {attempts.some(({ success }) => success === undefined) && (
        <span class="key">
          <svg width="12" height="12" aria-hidden="true">
            <path class="mark pending" d="M3,6a3,3 0 1,0 6,0a3,3 0 1,0 -6,0" />
          </svg>
          pending
        </span>
      )}
    </>
  )
}
