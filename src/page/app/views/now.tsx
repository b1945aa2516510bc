/** Now: what arrives, what failed, and whether anything changed by more than chance. Longer than 250 lines: the parts of one view, used nowhere else. */
import { together, useAnswer } from '../data/answers.ts'
import type { Given, Query } from '../data/api.ts'
import { useNewestAttempts } from '../data/attempts.ts'
import { count, interval, NONE, plural, points, rate, signed } from '../data/format.ts'
import { ATTEMPT_COLUMNS, LiveAttemptTable } from '../parts/attempt-table.tsx'
import { Badge, Link, Notice } from '../parts/basics.tsx'
import { Card, Loaded } from '../parts/card.tsx'
import { numberColumn, rateColumn, textColumn } from '../parts/columns.tsx'
import { type Column, tableCsv } from '../parts/data-table.tsx'
import { Explain } from '../parts/explain.tsx'
import { Figure, TotalCostFigure } from '../parts/figure.tsx'
import { filterQuery } from '../parts/filters.tsx'
import { Heading } from '../parts/heading.tsx'
import { Judged } from '../parts/judged.tsx'
import { TrendVerdict } from '../parts/trend-verdict.tsx'
import { RateKey, RateOverTime } from '../plots/rate-over-time.tsx'

/** Rows of the lists. */
const SHOWN = 8

export function NowView() {
  const given = filterQuery()
  const query = { ...given, since: given['since'] ?? '24h' }
  const report = useAnswer('report', query)
  const trends = useAnswer('trends', query)
  const costs = useAnswer('costs', query)
  const summary = report.data?.summary
  const cost = costs.data?.overall
  const range = given['since'] === undefined ? 'last 24 hours' : 'range'
  return (
    <main aria-busy={report.isBusy || trends.isBusy || costs.isBusy}>
      <Heading
        title="Now"
        filters={['agent_name', 'model_name', 'issue_type', 'since']}
        all={{ since: 'Last 24 hours' }}
      >
        {given['since'] === undefined
          ? 'The last 24 hours, as attempts arrive.'
          : 'The chosen range, as attempts arrive.'}
      </Heading>
      <div class="figures">
        <Figure
          label="Attempts"
          value={summary === undefined ? NONE : count(summary.total_attempts)}
          note={`in the ${range}`}
          explain={{ path: 'report', query, field: ['summary', 'total_attempts'] }}
        />
        <Figure
          label="Success rate"
          value={summary === undefined || summary.total_attempts === 0 ? NONE : rate(summary.overall_success_rate)}
          note={
            summary === undefined || summary.total_attempts === 0
              ? 'no attempts'
              : `95% interval ${interval(summary.success_rate_interval)}`
          }
          explain={{
            path: 'report',
            query,
            field: ['summary', 'overall_success_rate'],
            attempts: summary?.total_attempts,
          }}
        />
        <Figure
          label="Failures"
          value={summary === undefined ? NONE : count(summary.total_attempts - summary.total_successful)}
          note={
            summary === undefined
              ? ''
              : `of ${plural(summary.total_agents, 'agent')} at ${plural(summary.total_issue_types, 'issue type')}`
          }
          explain={{ path: 'report', query, field: ['summary', 'total_successful'] }}
        />
        <TotalCostFigure label="Cost" cost={cost} query={query} />
      </div>
      <TrendVerdict answer={trends} />
      <Card title="Rate over time" legend={<RateKey />} source={{ path: 'trends', query }}>
        <Loaded answer={together(trends, costs)} rows={6}>
          {([{ points: intervals }, { outcomes }]) => (
            <>
              {intervals.some(({ total_attempts }) => total_attempts > 0) ? (
                <RateOverTime label="Success rate over time" points={intervals} />
              ) : (
                <Notice>No attempts with a result in the {range}. Choose a longer range.</Notice>
              )}
              <Judged outcomes={outcomes} />
            </>
          )}
        </Loaded>
      </Card>
      <Changes
        query={query}
        title={given['since'] === undefined ? 'What changed since yesterday' : 'What changed against the period before'}
      />
      <Latest query={query} />
    </main>
  )
}

type Changed = Given<'changes'>
type AgentChange = Changed['agents'][number]

const DIRECTIONS: Readonly<
  Record<AgentChange['direction'], readonly [tone: 'decided' | 'worse' | 'open', word: string]>
> = {
  improving: ['decided', 'Better'],
  degrading: ['worse', 'Worse'],
  cannot_tell_yet: ['open', 'Cannot tell yet'],
}

/** The range compared with the period before it, and the agents that changed by more than chance. */
function Changes({ query, title }: { query: Query; title: string }) {
  const answer = useAnswer('changes', query)
  const changed = answer.data?.agents.filter(({ direction }) => direction !== 'cannot_tell_yet') ?? []
  return (
    <Card
      title={title}
      source={{ path: 'changes', query }}
      csv={answer.data && tableCsv('changes', CHANGE_COLUMNS, answer.data.agents)}
    >
      <Loaded answer={answer} rows={3}>
        {data => (
          <ul class="sentences">
            <li>
              <OverallBadge direction={data.direction} />
              <span>
                {overallSentence(data)} <Explain title="All attempts" path="changes" query={query} field={['change']} />
              </span>
            </li>
            {changed.slice(0, SHOWN).map(one => (
              <li key={one.agent_name}>
                <ChangeBadge direction={one.direction} />
                <span>
                  <Link to="agent" query={{ agent_name: one.agent_name }}>
                    {one.agent_name}
                  </Link>{' '}
                  {agentSentence(one)}
                </span>
              </li>
            ))}
            {changed.length > SHOWN && <li>{count(changed.length - SHOWN)} more agents have changed.</li>}
            {changed.length === 0 && data.agents_compared > 0 && (
              <li>
                <Badge tone="plain">No agent</Badge>
                <span>
                  At the same work,{' '}
                  {data.agents_compared === 1
                    ? 'the one agent in both periods has not'
                    : `none of ${count(data.agents_compared)} agents in both periods has`}{' '}
                  changed by more than chance.{' '}
                  <Explain title="Change of an agent" path="changes" query={query} field={['agents', 'direction']} />
                </span>
              </li>
            )}
          </ul>
        )}
      </Loaded>
    </Card>
  )
}

function ChangeBadge({ direction }: { direction: AgentChange['direction'] }) {
  const [tone, word] = DIRECTIONS[direction]
  return <Badge tone={tone}>{word}</Badge>
}

/** Says which way the rate of all attempts moved, and judges nothing: other work moves it, too. */
function OverallBadge({ direction }: { direction: AgentChange['direction'] }) {
  if (direction === 'cannot_tell_yet') return <ChangeBadge direction={direction} />
  return <Badge tone="plain">{direction === 'improving' ? 'Higher' : 'Lower'}</Badge>
}

function overallSentence({ earlier, later, change }: Changed): string {
  if (change === null || earlier === null || later === null) return 'All attempts: one of the two periods has none.'
  const { low, high } = change.difference_interval
  return `All attempts: ${rate(later.success_rate)} succeed, ${rate(earlier.success_rate)} in the period before: ${points(change.difference)}, 95% interval ${signed(low)} to ${signed(high)}.`
}

function agentSentence({
  earlier,
  later,
  adjusted_difference,
  adjusted_difference_interval: between,
}: AgentChange): string {
  const rates = `${rate(later?.success_rate ?? 0)} of ${plural(later?.total_attempts ?? 0, 'attempt')}, ${rate(earlier?.success_rate ?? 0)} before`
  if (adjusted_difference === null || between === null) return `${rates}.`
  return `${rates}. At the same work: ${points(adjusted_difference)}, 95% interval ${signed(between.low)} to ${signed(between.high)}.`
}

const CHANGE_COLUMNS: readonly Column<AgentChange>[] = [
  textColumn('Agent', ({ agent_name }) => agent_name),
  textColumn('Direction', ({ direction }) => direction),
  rateColumn('Before', ({ earlier }) => earlier?.success_rate),
  rateColumn('Now', ({ later }) => later?.success_rate),
  numberColumn('At the same work', ({ adjusted_difference }) => adjusted_difference, points),
]

/** Without the columns that say little at a glance. */
const FAILURE_COLUMNS = ATTEMPT_COLUMNS.filter(({ title }) =>
  ['Ended', 'Agent', 'Issue type', 'Result'].includes(title),
)

function Latest({ query }: { query: Query }) {
  const { answer, attempts } = useNewestAttempts(query)
  const failures = attempts.filter(({ success }) => success === false)
  const types = [...Map.groupBy(failures, ({ error_type }) => error_type ?? 'failed')].sort(
    ([, a], [, b]) => b.length - a.length,
  )
  return (
    <div class="columns">
      <Card title="Latest attempts" source={{ path: 'attempts', query }}>
        <Loaded answer={answer} rows={5}>
          {() =>
            attempts.length === 0 ? (
              <Notice>No attempt in the range.</Notice>
            ) : (
              <LiveAttemptTable
                caption="Latest attempts"
                attempts={attempts.slice(0, SHOWN)}
                columns={FAILURE_COLUMNS}
              />
            )
          }
        </Loaded>
      </Card>
      <Card title="Latest failures" csv={tableCsv('failures', ATTEMPT_COLUMNS, failures)}>
        <Loaded answer={answer} rows={5}>
          {() =>
            failures.length === 0 ? (
              <Notice>No failure among the latest attempts.</Notice>
            ) : (
              <>
                <p class="card-body">
                  {types
                    .slice(0, 4)
                    .map(([type, own]) => `${type}: ${count(own.length)}`)
                    .join(' · ')}{' '}
                  of the latest {count(attempts.length)} attempts
                </p>
                <LiveAttemptTable
                  caption="Latest failures"
                  attempts={failures.slice(0, SHOWN)}
                  columns={FAILURE_COLUMNS}
                />
              </>
            )
          }
        </Loaded>
      </Card>
    </div>
  )
}
