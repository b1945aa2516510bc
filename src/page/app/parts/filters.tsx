/** The filters of a view. Their values are in the URL. */
import { useId, useState } from 'preact/hooks'
import { ask, type Query } from '../data/api.ts'
import { parameters, setParameter } from '../data/router.ts'

export type FilterName = 'agent_name' | 'model_name' | 'issue_type' | 'since'

const NAMES: readonly FilterName[] = ['agent_name', 'model_name', 'issue_type', 'since']
const LABELS: Readonly<Record<FilterName, string>> = {
  agent_name: 'Agent',
  model_name: 'Model',
  issue_type: 'Issue type',
  since: 'Range',
}

/** The filters that the URL states, as parameters of questions. */
export function filterQuery(): Query {
  const given = parameters.value
  return Object.fromEntries([...NAMES, 'until', 'tz'].map(name => [name, given[name] || undefined]))
}

interface FiltersProps {
  names: readonly FilterName[]
  /** What a name filter shows without a value. */
  all?: Partial<Record<FilterName, string>>
}

/** A filter that is in the URL is shown in every view, so that it can be seen and removed. */
export function Filters({ names, all = {} }: FiltersProps) {
  const shown = NAMES.filter(name => names.includes(name) || parameters.value[name])
  if (shown.length === 0) return null
  return (
    <fieldset class="filters" aria-label="Filters">
      {shown.map(name =>
        name === 'since' ? (
          <RangeFilter key={name} all={all.since ?? 'Whole life'} />
        ) : (
          <NameFilter key={name} name={name} all={all[name] ?? 'All'} />
        ),
      )}
    </fieldset>
  )
}

const RANGES: readonly (readonly [value: string, label: string])[] = [
  ['1h', 'Last hour'],
  ['24h', 'Last 24 hours'],
  ['7d', 'Last 7 days'],
  ['30d', 'Last 30 days'],
  ['90d', 'Last 90 days'],
]

/** `all` is what a view shows without a range. */
function RangeFilter({ all }: { all: string }) {
  const id = useId()
  const value = parameters.value['since'] ?? ''
  const ranges = RANGES.filter(([, label]) => label !== all)
  const isListed = value === '' || ranges.some(([known]) => known === value)
  return (
    <div class="filter">
      <label for={id}>{LABELS.since}</label>
      <select id={id} value={value} onChange={event => setParameter('since', event.currentTarget.value)}>
        <option value="">{all}</option>
        {ranges.map(([known, label]) => (
          <option key={known} value={known}>
            {label}
          </option>
        ))}
        {!isListed && <option value={value}>Since {value}</option>}
      </select>
    </div>
  )
}

/** Suggestions at once: a list of 10,000 names would take the browser long. */
const MAX_SUGGESTIONS = 50

/** A search field with the names that have attempts. */
function NameFilter({ name, all }: { name: Exclude<FilterName, 'since'>; all: string }) {
  const id = useId()
  const [known, setKnown] = useState<readonly string[]>()
  // What is typed and not yet applied. Without it, each drawing would put the value of the URL back.
  const [typed, setTyped] = useState<string>()
  const value = parameters.value[name] ?? ''
  async function load(): Promise<void> {
    if (known !== undefined) return
    const answer = await ask('success-rate', { group_by: name }).catch(() => undefined)
    if (answer !== undefined && 'success_rates' in answer) setKnown(Object.keys(answer.success_rates).sort())
  }
  function apply(text: string): void {
    setTyped(undefined)
    setParameter(name, text)
  }
  const search = (typed ?? '').toLowerCase()
  const suggestions = known?.filter(one => one.toLowerCase().includes(search)).slice(0, MAX_SUGGESTIONS) ?? []
  return (
    <div class="filter">
      <label for={id}>{LABELS[name]}</label>
      <input
        id={id}
        type="search"
        list={`${id}-list`}
        placeholder={all}
        autocomplete="off"
        spellcheck={false}
        value={typed ?? value}
        onFocus={() => void load()}
        onInput={event => {
          const text = event.currentTarget.value
          setTyped(text)
          // A chosen suggestion and an emptied field apply at once; what is typed, on Enter.
          if (text === '' || known?.includes(text)) apply(text)
        }}
        onKeyDown={event => {
          if (event.key === 'Enter') apply(event.currentTarget.value)
        }}
        onChange={event => apply(event.currentTarget.value)}
      />
      <datalist id={`${id}-list`}>
        {suggestions.map(one => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </div>
  )
}
