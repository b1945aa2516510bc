/** Models side by side: as they are, and at the same mix of issue types. */
import { useAnswer } from '../data/answers.ts'
import type { Given, Query } from '../data/api.ts'
import { RATE_NAMES, rateValues } from '../data/csv.ts'
import { count, duration, interval, NONE, plural, points, rate } from '../data/format.ts'
import { Badge, EvidenceLabel, Notice } from '../parts/basics.tsx'
import { Card, Loaded } from '../parts/card.tsx'
import { Explain } from '../parts/explain.tsx'
import { filterQuery } from '../parts/filters.tsx'
import { Heading } from '../parts/heading.tsx'
import { Judged } from '../parts/judged.tsx'
import { PendingVerdict, Verdict } from '../parts/verdict.tsx'
import { Whisker, WhiskerAxis, WhiskerKey } from '../plots/whisker.tsx'

type Fair = Given<'fair-comparison'>
type Plain = Given<'model-comparison'>

export function ModelsView() {
  const query = filterQuery()
  const fair = useAnswer('fair-comparison', { ...query, by: 'model_name' })
  const plain = useAnswer('model-comparison', { ...query, min_attempts: '1' })
  return (
    <main aria-busy={fair.isBusy || plain.isBusy}>
      <Heading title="Models" filters={['agent_name', 'issue_type', 'since']}>
        As they are, and at the same mix of issue types.
      </Heading>
      <ModelVerdict fair={fair.data} error={fair.error?.message} />
      <Card
        legend={<WhiskerKey band={false} />}
        source={{ path: 'fair-comparison', query: { ...query, by: 'model_name' } }}
        csv={fair.data && fairCsv(fair.data)}
        footer={
          fair.data &&
          '“Same mix” weights each issue type alike for all models. A model that got the easy work looks better without it.'
        }
      >
        <Loaded answer={fair} rows={4}>
          {data => (
            <>
              {data.rates.length === 0 ? (
                <Notice>No attempts with a result here. Choose another filter or a longer range.</Notice>
              ) : (
                <ModelTable fair={data} plain={plain.data} query={query} />
              )}
              <Judged outcomes={data.outcomes} />
            </>
          )}
        </Loaded>
      </Card>
      {fair.data !== undefined && <Reversals fair={fair.data} />}
    </main>
  )
}

function ModelVerdict({ fair, error }: { fair: Fair | undefined; error: string | undefined }) {
  if (fair === undefined) return <PendingVerdict error={error} />
  const { best, strata } = fair
  const leader = fair.rates.find(({ name }) => name === best?.name)
  if (best === null || leader?.adjusted_rate == null || leader.adjusted_rate_interval === null) {
    return (
      <Verdict
        badge={<Badge tone="open">Cannot tell yet</Badge>}
        detail="Models are compared at issue types in which all of them have attempts."
      >
        No issue type has attempts of two models.
      </Verdict>
    )
  }
  const others = best.contenders.filter(name => name !== best.name)
  const isDecided = best.decisive
  const word = isDecided ? 'Decided' : 'Cannot tell yet'
  return (
    <Verdict
      badge={<Badge tone={isDecided ? 'decided' : 'open'}>{word}</Badge>}
      announced={word}
      detail="A test at the same mix of issue types, valid at every look."
    >
      <strong>{best.name}</strong> leads at the same mix of {plural(strata.length, 'issue type')}:{' '}
      {rate(leader.adjusted_rate)} of attempts succeed, 95% interval {interval(leader.adjusted_rate_interval)}.{' '}
      {others.length === 0 ? (
        'All others are worse.'
      ) : others.length === 1 ? (
        <>
          But <strong>{others[0]}</strong> could be as good.
        </>
      ) : (
        `But ${count(others.length)} others could be as good.`
      )}
    </Verdict>
  )
}

function ModelTable({ fair, plain, query }: { fair: Fair; plain: Plain | undefined; query: Query }) {
  const rows = fair.rates.toSorted((a, b) => (b.adjusted_rate ?? b.success_rate) - (a.adjusted_rate ?? a.success_rate))
  const asked = { ...query, by: 'model_name' }
  const explain = (title: string, field: string) => (
    <Explain title={title} path="fair-comparison" query={asked} field={['rates', field]} />
  )
  return (
    <table class="board">
      <caption class="hidden">Models by success rate</caption>
      <thead>
        <tr>
          <th scope="col">Model</th>
          <th scope="col" class="plot">
            <span class="hidden">Rate and interval</span>
            <WhiskerAxis />
          </th>
          <th scope="col">Same mix {explain('Same mix', 'adjusted_rate')}</th>
          <th scope="col">Plain rate {explain('Plain rate', 'success_rate')}</th>
          <th scope="col">Attempts {explain('Attempts', 'total_attempts')}</th>
          <th scope="col">
            Evidence <Explain title="Evidence" path="model-comparison" query={query} field={['*', 'evidence']} />
          </th>
          <th scope="col">
            Median time{' '}
            <Explain title="Median time" path="model-comparison" query={query} field={['*', 'time_seconds']} />
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(row => {
          const own = plain?.[row.name] as Exclude<Plain[string], undefined> | undefined
          const median = own !== undefined && 'time_seconds' in own ? own.time_seconds?.p50 : undefined
          const shown = row.adjusted_rate_interval ?? row.success_rate_interval
          return (
            <tr key={row.name}>
              <th scope="row">
                <span class="name">{row.name}</span>
              </th>
              <td class="plot">
                <Whisker
                  rate={row.adjusted_rate ?? row.success_rate}
                  {...shown}
                  isHollow={row.adjusted_rate === null}
                />
                <span class="words">95% interval {interval(shown)}</span>
              </td>
              <td class="rate">{row.adjusted_rate === null ? NONE : rate(row.adjusted_rate)}</td>
              <td data-label="Plain rate">{rate(row.success_rate)}</td>
              <td data-label="Attempts">{count(row.total_attempts)}</td>
              <td data-label="Evidence">
                {own !== undefined && 'evidence' in own ? <EvidenceLabel evidence={own.evidence} /> : NONE}
              </td>
              <td data-label="Median time">{median == null ? NONE : duration(median)}</td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

/** Pairs whose order the mix of issue types turns over (Simpson's paradox). */
function Reversals({ fair }: { fair: Fair }) {
  const isComparable = fair.rates.filter(row => row.adjusted_rate !== null).length > 1
  return (
    <Card title="Does the mix of work mislead?">
      <ul class="sentences">
        {!isComparable && (
          <li>
            <Badge tone="open">Cannot tell yet</Badge>
            <span>Fewer than two models have attempts at the same issue types.</span>
          </li>
        )}
        {isComparable && fair.turned_over.length === 0 && (
          <li>
            <Badge tone="plain">No reversal</Badge>
            <span>The plain rates order all compared models as the rates at the same mix do.</span>
          </li>
        )}
        {fair.turned_over.map(pair => (
          <li key={JSON.stringify([pair.better, pair.worse])}>
            <Badge tone="worse">Reversed</Badge>
            <span>
              The plain rates favour <strong>{pair.worse}</strong> over <strong>{pair.better}</strong> (
              {points(-pair.difference)}), but only because it got easier work: at the same mix{' '}
              <strong>{pair.better}</strong> is ahead by {points(pair.adjusted_difference)}.
            </span>
          </li>
        ))}
      </ul>
    </Card>
  )
}

const fairCsv = (fair: Fair) => ({
  file: 'models',
  header: ['model_name', ...RATE_NAMES],
  rows: () => fair.rates.map(row => [row.name, ...rateValues(row)]),
})
