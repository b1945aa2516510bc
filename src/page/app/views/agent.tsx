/** One agent: how its rate develops, whether its confidence can be believed, and where it is good. */
import type { ComponentChildren } from 'preact'
import type { AgentAttempt } from '../../../core/attempt/attempt.ts'
import { useAnswer } from '../data/answers.ts'
import type { Given, Query } from '../data/api.ts'
import { useNewestAttempts } from '../data/attempts.ts'
import { count, dateTime, duration, money, NONE, plural, points, score, signed } from '../data/format.ts'
import { parameters } from '../data/router.ts'
import { AttemptTable } from '../parts/attempt-table.tsx'
import { Badge, EvidenceLabel, Link, Notice } from '../parts/basics.tsx'
import { Card, Loaded } from '../parts/card.tsx'
import { countColumn, intervalColumn, numberColumn, rateColumn, textColumn } from '../parts/columns.tsx'
import { type Column, DataTable, tableCsv } from '../parts/data-table.tsx'
import { Figure, TotalCostFigure } from '../parts/figure.tsx'
import { filterQuery } from '../parts/filters.tsx'
import { Heading } from '../parts/heading.tsx'
import { HonestyCard } from '../parts/honesty-card.tsx'
import { TrendVerdict } from '../parts/trend-verdict.tsx'
import { Durations } from '../plots/durations.tsx'
import { RateOverTime } from '../plots/rate-over-time.tsx'
import { Reliability } from '../plots/reliability.tsx'
import { Whisker } from '../plots/whisker.tsx'

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
      <Card title="Agents" source={{ path: 'success-rate', query }}>
        <Loaded answer={answer} rows={6}>
          {data => (
            <RateTable
              caption="Agents"
              rates={'details' in data ? data.details : {}}
              to={agent_name => (
                <Link to="agent" query={{ agent_name, since: query['since'] }}>
                  {agent_name}
                </Link>
              )}
            />
          )}
        </Loaded>
      </Card>
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
      <Card title="Rate over time" source={{ path: 'trends', query }}>
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
          <Confidence query={query} />
          <HonestyCard query={query} />
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
        <IssueTypes query={query} />
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

function Confidence({ query }: { query: Query }) {
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

type Overall = Given<'calibration'>['overall']

function calibrationBadge({ over_confidence_interval: between, degenerate }: Overall) {
  if (degenerate || between === null) return <Badge tone="open">Cannot tell yet</Badge>
  if (between.low > 0) return <Badge tone="worse">Over-confident</Badge>
  if (between.high < 0) return <Badge tone="worse">Under-confident</Badge>
  return <Badge tone="plain">No bias seen</Badge>
}

function calibrationSentence({ over_confidence, over_confidence_interval, degenerate, attempts }: Overall): string {
  const from = `from ${plural(attempts, 'attempt')}`
  if (degenerate) return `It states nearly always the same confidence (${from}).`
  if (over_confidence === null || over_confidence_interval === null) return `There are too few attempts (${from}).`
  const { low, high } = over_confidence_interval
  return `Stated confidence less the success rate: ${points(over_confidence * 100)}, 95% interval ${signed(low * 100)} to ${signed(high * 100)} (${from}).`
}

/** Issue types that the list shows at first. */
const SHOWN_TYPES = 12

function IssueTypes({ query }: { query: Query }) {
  const asked = { ...query, group_by: 'issue_type' }
  const answer = useAnswer('success-rate', asked)
  return (
    <Card title="Issue types" source={{ path: 'success-rate', query: asked }}>
      <Loaded answer={answer} rows={6}>
        {data => (
          <RateTable
            caption="Issue types"
            rates={'details' in data ? data.details : {}}
            limit={SHOWN_TYPES}
            to={issue_type => (
              <Link to="best" query={{ issue_type, since: query['since'] }}>
                {issue_type}
              </Link>
            )}
          />
        )}
      </Loaded>
    </Card>
  )
}

type Details = Extract<Given<'success-rate'>, { details: unknown }>['details']

interface RateTableProps {
  caption: string
  rates: Details
  limit?: number
  to(name: string): ComponentChildren
}

/** Groups with most attempts first. */
function RateTable({ caption, rates, to, limit = 100 }: RateTableProps) {
  const rows = Object.entries(rates).sort(
    ([, a], [, b]) => b.total_attempts - a.total_attempts || b.success_rate - a.success_rate,
  )
  const columns: readonly Column<(typeof rows)[number]>[] = [
    textColumn(
      'Name',
      ([name]) => name,
      ([name]) => to(name),
    ),
    rateColumn('Rate', ([, own]) => own.success_rate),
    {
      ...intervalColumn(([, own]) => own.success_rate_interval),
      isText: true,
      cell: ([, own]) => (
        <span class="small-whisker">
          <Whisker rate={own.success_rate} {...own.success_rate_interval} />
        </span>
      ),
    },
    countColumn('Attempts', ([, own]) => own.total_attempts),
    textColumn(
      'Evidence',
      ([, own]) => own.evidence,
      ([, own]) => <EvidenceLabel evidence={own.evidence} />,
    ),
  ]
  if (rows.length === 0) return <Notice>No attempts in the range.</Notice>
  return (
    <>
      <DataTable caption={caption} columns={columns} rows={rows.slice(0, limit)} keyOf={([name]) => name} />
      {rows.length > limit && (
        <p class="card-foot">
          {count(rows.length - limit)} more with at most {plural(rows[limit]![1].total_attempts, 'attempt')} each. The
          API call has all.
        </p>
      )}
    </>
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
              <AttemptTable caption="Recent attempts" attempts={attempts.slice(0, 10)} />
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
