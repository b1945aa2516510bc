/** Experiments: whether an A/B test is decided, and how its evidence grew. Longer than 250 lines: the parts of one view, used nowhere else. */
import type { ComponentChildren } from 'preact'
import { isPending, useAnswer } from '../data/answers.ts'
import type { Given } from '../data/api.ts'
import { count, duration, localSentence, NONE, plural, points, score, signed } from '../data/format.ts'
import { attemptsPerDay } from '../data/pace.ts'
import { parameters, setParameter } from '../data/router.ts'
import { Badge, Link, Notice, Skeleton, Time } from '../parts/basics.tsx'
import { Card, Loaded } from '../parts/card.tsx'
import { countColumn, intervalColumn, moneyColumn, numberColumn, rateColumn, textColumn } from '../parts/columns.tsx'
import { type Column, DataTable, tableCsv } from '../parts/data-table.tsx'
import { Explain } from '../parts/explain.tsx'
import { filterQuery } from '../parts/filters.tsx'
import { Heading } from '../parts/heading.tsx'
import { Judged } from '../parts/judged.tsx'
import { PendingVerdict, Verdict } from '../parts/verdict.tsx'
import { Sequence, type SequenceAxis, type SequencePoint } from '../plots/sequence.tsx'

export function ExperimentsView() {
  const name = parameters.value['experiment']
  const list = useAnswer('experiments', {})
  const shown = name ?? list.data?.experiments[0]?.experiment
  return (
    <main aria-busy={list.isBusy}>
      <Heading title="Experiments" filters={['issue_type', 'since']}>
        Each may be looked at after every attempt.
      </Heading>
      <Loaded answer={list} rows={4}>
        {({ experiments }) =>
          shown === undefined ? (
            <Card>
              <Notice>
                No experiment has an attempt. Send “experiment” and “variant” with the attempts of an A/B test.
              </Notice>
            </Card>
          ) : (
            <ShownExperiment key={shown} name={shown}>
              <Card
                title="All experiments"
                source={{ path: 'experiments', query: {} }}
                csv={tableCsv('experiments', LIST_COLUMNS, experiments)}
              >
                <DataTable
                  caption="All experiments, the latest first"
                  columns={LIST_COLUMNS}
                  rows={experiments}
                  keyOf={({ experiment }) => experiment}
                />
              </Card>
            </ShownExperiment>
          )
        }
      </Loaded>
    </main>
  )
}

type Listed = Given<'experiments'>['experiments'][number]
type Report = Given<'experiments/{name}'>
type Variant = Report['variants'][number]
type Comparison = Report['comparisons'][number]

const LIST_COLUMNS: readonly Column<Listed>[] = [
  textColumn(
    'Experiment',
    ({ experiment }) => experiment,
    ({ experiment }) => (
      <Link to="experiments" query={{ experiment }}>
        {experiment}
      </Link>
    ),
  ),
  textColumn('Variants', ({ variants }) => variants.join(', ')),
  countColumn('Attempts', ({ total_attempts }) => total_attempts),
  textColumn(
    'Last attempt',
    ({ last_attempt }) => last_attempt ?? undefined,
    ({ last_attempt }) => (last_attempt === null ? NONE : <Time iso={last_attempt} />),
  ),
]

const VARIANT_COLUMNS: readonly Column<Variant>[] = [
  textColumn('Variant', ({ variant }) => variant),
  rateColumn('Rate', ({ success_rate }) => success_rate),
  intervalColumn(({ success_rate_interval }) => success_rate_interval),
  countColumn('Attempts', ({ total_attempts }) => total_attempts),
  numberColumn('Mean time', ({ avg_time_seconds }) => avg_time_seconds || null, duration),
  moneyColumn('Cost per success', ({ costs }) => costs.cost_per_success?.cost_usd),
]

/** `children` stand below it. They wait until it is there: otherwise they would be pushed down. */
function ShownExperiment({ name, children }: { name: string; children: ComponentChildren }) {
  const query = { ...filterQuery(), name }
  const report = useAnswer('experiments/{name}', query)
  const history = useAnswer('experiments/{name}/history', query)
  const first = report.data?.comparisons[0]
  const baseline = report.data?.variants[0]?.variant ?? ''
  const axis: SequenceAxis = parameters.value['axis'] === 'time' ? 'time' : 'attempts'
  const verdict = (
    <ExperimentVerdict
      name={name}
      comparison={first}
      error={report.error?.message}
      isLoaded={report.data !== undefined}
    />
  )
  if (isPending(report, history))
    return (
      <>
        {verdict}
        <Card>
          <Skeleton rows={12} />
        </Card>
      </>
    )
  return (
    <>
      {verdict}
      <Card
        title="Variants"
        source={{ path: 'experiments/{name}', query }}
        csv={tableCsv('variants', VARIANT_COLUMNS, report.data?.variants ?? [])}
      >
        <Loaded answer={report} rows={3}>
          {data => (
            <>
              <DataTable
                caption={`Variants of ${name}`}
                columns={VARIANT_COLUMNS}
                rows={data.variants}
                keyOf={({ variant }) => variant}
              />
              <Judged outcomes={data.outcomes} />
              <ul class="sentences card-foot">
                <li>
                  {ratioBadge(data)}
                  <span>
                    {ratioSentence(data)}{' '}
                    <Explain title="Sample ratio" path="experiments/{name}" query={query} field={['sample_ratio']} />
                  </span>
                </li>
              </ul>
            </>
          )}
        </Loaded>
      </Card>
      {report.data?.comparisons.map(comparison => (
        <Card
          key={comparison.variant}
          title={`${comparison.variant} against ${baseline}`}
          source={{ path: 'experiments/{name}/history', query }}
        >
          <Needed
            comparison={comparison}
            variants={report.data!.variants}
            perDay={history.data && attemptsPerDay(historyOf(history.data, comparison.variant), Date.now())}
          />
          <Loaded answer={history} rows={6}>
            {data => {
              const points = historyOf(data, comparison.variant)
              return points.length === 0 ? (
                <Notice>The history needs attempts of both variants.</Notice>
              ) : (
                <>
                  <AxisChoice axis={axis} />
                  <Sequence variant={comparison.variant} history={points} axis={axis} />
                </>
              )
            }}
          </Loaded>
        </Card>
      ))}
      {children}
    </>
  )
}

const historyOf = (history: Given<'experiments/{name}/history'>, variant: string): SequencePoint[] =>
  history.points.flatMap(({ until, comparisons }) =>
    comparisons.filter(one => one.variant === variant).map(one => ({ ...one, until })),
  )

const AXES: readonly (readonly [SequenceAxis, string])[] = [
  ['attempts', 'By attempts'],
  ['time', 'By time'],
]

/** The axis of the plot. It is in the URL, as filters are. */
function AxisChoice({ axis }: { axis: SequenceAxis }) {
  return (
    <fieldset class="choice" aria-label="Axis of the plot">
      {AXES.map(([value, label]) => (
        <button
          key={value}
          type="button"
          class="button"
          aria-pressed={axis === value}
          onClick={() => setParameter('axis', value === 'attempts' ? '' : value)}
        >
          {label}
        </button>
      ))}
    </fieldset>
  )
}

const VERDICTS: Readonly<
  Record<Comparison['verdict'], readonly [tone: 'decided' | 'worse' | 'open' | 'plain', word: string]>
> = {
  better: ['decided', 'Better'],
  worse: ['worse', 'Worse'],
  not_worse: ['decided', 'Not worse'],
  cannot_tell_yet: ['open', 'Cannot tell yet'],
  unsound: ['worse', 'Not valid'],
}

interface ExperimentVerdictProps {
  name: string
  comparison: Comparison | undefined
  error: string | undefined
  isLoaded: boolean
}

function ExperimentVerdict({ name, comparison, error, isLoaded }: ExperimentVerdictProps) {
  if (comparison === undefined) {
    return <PendingVerdict error={error ?? (isLoaded ? 'There is only one variant so far.' : undefined)} />
  }
  const [tone, word] = VERDICTS[comparison.verdict]
  const { low, high } = comparison.difference_interval
  return (
    <Verdict badge={<Badge tone={tone}>{word}</Badge>} announced={word} detail={localSentence(comparison.summary)}>
      <strong>{name}</strong>: <strong>{comparison.variant}</strong> against {comparison.baseline}:{' '}
      {points(comparison.difference)}, 95% interval {signed(low)} to {signed(high)}.
    </Verdict>
  )
}

interface NeededProps {
  comparison: Comparison
  variants: readonly Variant[]
  /** Attempts of both variants together. Undefined if not known. */
  perDay: number | undefined
}

/** Attempts so far, of those that a decision needs, and how long the others take. */
function Needed({ comparison, variants, perDay }: NeededProps) {
  if (comparison.attempts_needed === null || comparison.verdict !== 'cannot_tell_yet') return null
  const own = variants.find(({ variant }) => variant === comparison.variant)?.total_attempts ?? 0
  const all = own + comparison.attempts_needed
  return (
    <div class="card-body">
      {count(own)} of about {count(all)} attempts of each. {remainingSentence(2 * comparison.attempts_needed, perDay)}{' '}
      {comparison.futile && 'It will probably not be decided in 20,000 more.'}
      <div class="progress">
        <svg width="100%" height="8" aria-hidden="true">
          <rect width={`${(own / Math.max(1, all)) * 100}%`} height="8" rx="4" />
        </svg>
      </div>
    </div>
  )
}

function remainingSentence(attempts: number, perDay: number | undefined): string {
  if (perDay === undefined) return ''
  if (perDay === 0) return 'None has come in the last week.'
  const days = attempts / perDay
  return days < 1
    ? `About ${duration(Math.max(60, days * 86_400))} more at this pace.`
    : `About ${plural(Math.ceil(days), 'more day', 'more days')} at this pace.`
}

function ratioBadge({ sample_ratio }: Report) {
  if (sample_ratio === null) return <Badge tone="plain">Not checked</Badge>
  if (sample_ratio.status === 'mismatch') return <Badge tone="worse">Sample ratio</Badge>
  return sample_ratio.status === 'too_few' ? (
    <Badge tone="open">Sample ratio</Badge>
  ) : (
    <Badge tone="decided">Sample ratio</Badge>
  )
}

function ratioSentence({ sample_ratio, variants, intended_shares }: Report): string {
  const counts = variants.map(({ variant, total_attempts }) => `${variant} ${count(total_attempts)}`).join(', ')
  const shares = intended_shares === null ? 'equal shares' : 'the intended shares'
  if (sample_ratio === null) return `Adaptive assignment has no fixed shares to check: ${counts}.`
  if (sample_ratio.status === 'too_few') return `Too few attempts to check ${shares}: ${counts}.`
  const p = sample_ratio.p_value === null ? '' : ` (p = ${score(sample_ratio.p_value)})`
  if (sample_ratio.status === 'mismatch')
    return `The attempts do not come in ${shares}: ${counts}${p}. Find out why before you believe the result.`
  return `No sign of other than ${shares}: ${counts}${p}. Small deviations show with many attempts only.`
}
