/** A card with the rates of agents or issue types: those with most attempts first. */
import type { ComponentChildren } from 'preact'
import type { AnswerState } from '../data/answers.ts'
import type { Given, Query } from '../data/api.ts'
import { count, plural } from '../data/format.ts'
import { Whisker } from '../plots/whisker.tsx'
import { EvidenceLabel, Notice } from './basics.tsx'
import { Card, Loaded } from './card.tsx'
import { countColumn, intervalColumn, rateColumn, textColumn } from './columns.tsx'
import { type Column, DataTable } from './data-table.tsx'

type Rates = Given<'success-rate'>
type Details = Extract<Rates, { details: unknown }>['details']

interface RateTableProps {
  caption: string
  rates: Details
  limit?: number
  to(name: string): ComponentChildren
}

interface RatesCardProps extends Pick<RateTableProps, 'limit' | 'to'> {
  title: string
  query: Query
  answer: AnswerState<Rates>
}

/** The rates of the groups of `success-rate`. */
export function RatesCard({ title, query, answer, ...table }: RatesCardProps) {
  return (
    <Card title={title} source={{ path: 'success-rate', query }}>
      <Loaded answer={answer} rows={6}>
        {data => <RateTable caption={title} rates={'details' in data ? data.details : {}} {...table} />}
      </Loaded>
    </Card>
  )
}

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
