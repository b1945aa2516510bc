/** Alerts: what fires now and why, and what is watched. */
import { Fragment } from 'preact'
import { useAnswer } from '../data/answers.ts'
import type { Given } from '../data/api.ts'
import { count, duration, interval, localSentence, money, NONE, phrase, plural, rate } from '../data/format.ts'
import { BASE, parameters, VIEWS } from '../data/router.ts'
import { Badge, Link, Notice, Time } from '../parts/basics.tsx'
import { Card, Loaded } from '../parts/card.tsx'
import { textColumn } from '../parts/columns.tsx'
import { type Column, DataTable, tableCsv } from '../parts/data-table.tsx'
import { filterQuery } from '../parts/filters.tsx'
import { Heading } from '../parts/heading.tsx'

type Answer = Given<'alerts'>
type ListedAlert = Answer['alerts'][number]
type Figure = ListedAlert['figures'][number]
type Watched = Answer['watched'][number]

export function AlertsView() {
  const query = { ...filterQuery(), experiment: parameters.value['experiment'] || undefined }
  const answer = useAnswer('alerts', query, { follows: 'time' })
  return (
    <main aria-busy={answer.isBusy}>
      <Heading title="Alerts" filters={['agent_name']}>
        What fires now. Each rule says how often it fires although nothing is wrong.
      </Heading>
      <Loaded answer={answer} rows={6}>
        {({ alerts, watched }) => (
          <>
            {alerts.length === 0 ? (
              <Card title="Firing" source={{ path: 'alerts', query }}>
                <Notice>Nothing fires. {plural(watched.length, 'rule')} are watched.</Notice>
              </Card>
            ) : (
              alerts.map(alert => <AlertCard key={keyOf(alert)} alert={alert} />)
            )}
            <Card class="watched" title="What is watched" csv={tableCsv('alert-rules', WATCHED_COLUMNS, watched)}>
              <DataTable
                caption="Rules that are on"
                columns={WATCHED_COLUMNS}
                rows={watched}
                keyOf={({ rule }) => rule}
              />
            </Card>
          </>
        )}
      </Loaded>
    </main>
  )
}

const keyOf = ({ rule, labels }: ListedAlert): string => JSON.stringify([rule, labels])

const TONES = { critical: 'worse', warning: 'worse', info: 'plain' } as const

/** The name of a rule, which a narrow column breaks between words. */
function brokenName({ rule }: Watched) {
  return rule.split(/(?=[A-Z])/).map((word, i) => (
    <Fragment key={`${i} ${word}`}>
      {word}
      <wbr />
    </Fragment>
  ))
}

const WATCHED_COLUMNS: readonly Column<Watched>[] = [
  textColumn('Rule', ({ rule }) => rule, brokenName),
  textColumn('Severity', ({ severity }) => severity),
  textColumn(
    'Fires when',
    ({ watches }) => watches,
    ({ watches }) => phrase(watches),
  ),
  textColumn(
    'False alarms',
    ({ false_alarms }) => false_alarms,
    ({ false_alarms }) => phrase(false_alarms),
  ),
]

function AlertCard({ alert }: { alert: ListedAlert }) {
  const { rule, severity, state, owner, summary, detail, false_alarms, since, figures, links } = alert
  return (
    <Card class="alert" title={rule}>
      <p class="alert-summary">
        <Badge tone={TONES[severity]}>{state === 'muted' ? `${severity}, muted` : severity}</Badge>
        <strong>{localSentence(summary)}</strong>
      </p>
      <p class="alert-text">
        Since <Time iso={since} />
        {owner !== null && `, owner ${owner}`}. {localSentence(detail)}
      </p>
      {figures.length > 0 && (
        <DataTable caption={`Numbers of ${rule}`} columns={FIGURE_COLUMNS} rows={figures} keyOf={({ name }) => name} />
      )}
      <p class="alert-text dim">{localSentence(false_alarms)}</p>
      <p class="alert-text">
        <PageLink page={links.page} /> · <a href={new URL(links.question, BASE).href}>API call</a> ·{' '}
        <a href={new URL(links.runbook, BASE).href}>What to do</a>
      </p>
    </Card>
  )
}

/** The view that an alert names. */
function PageLink({ page }: { page: string }) {
  const url = new URL(page, BASE)
  const name = url.pathname.slice(BASE.pathname.length)
  const to = VIEWS.find(known => known === name) ?? 'now'
  return (
    <Link to={to} query={Object.fromEntries(url.searchParams)}>
      Look at the attempts
    </Link>
  )
}

const PRINTERS: Readonly<Record<Figure['unit'], (value: number) => string>> = {
  percent: rate,
  seconds: duration,
  usd: money,
  count,
}

const print = ({ unit }: Figure, value: number | null | undefined): string | undefined =>
  value == null ? undefined : PRINTERS[unit](value)

const FIGURE_COLUMNS: readonly Column<Figure>[] = [
  textColumn('Measure', ({ name }) => name),
  textColumn(
    'Before',
    figure => print(figure, figure.before),
    figure => print(figure, figure.before) ?? NONE,
  ),
  textColumn('Now', figure => print(figure, figure.after)),
  textColumn('95% interval', intervalText, figure => intervalText(figure) ?? NONE),
  textColumn('Attempts', ({ n }) => count(n)),
]

function intervalText(figure: Figure): string | undefined {
  if (figure.interval === null) return undefined
  const { low, high } = figure.interval
  return figure.unit === 'percent' ? interval({ low, high }) : `${print(figure, low)} to ${print(figure, high)}`
}
