/** A card: a heading or a key, the API call and CSV of what it shows, and its content or why there is none. */
import type { ComponentChildren } from 'preact'
import type { AnswerState } from '../data/answers.ts'
import { type Query, type QuestionPath, urlOf } from '../data/api.ts'
import { type CsvValue, csvOf, download } from '../data/csv.ts'
import { Notice, Skeleton } from './basics.tsx'
import { CopyButton } from './copy.tsx'

export interface Csv {
  readonly file: string
  readonly header: readonly string[]
  /** Called when somebody asks for the file: a view is drawn far more often. */
  rows(): readonly (readonly CsvValue[])[]
}

interface CardProps {
  title?: string
  legend?: ComponentChildren
  source?: { readonly path: QuestionPath; readonly query: Query }
  csv?: Csv | undefined
  footer?: ComponentChildren
  class?: string
  children: ComponentChildren
}

export function Card({ title, legend, source, csv, footer, children, class: name = '' }: CardProps) {
  return (
    <section class={`card ${name}`} aria-label={title}>
      {(title !== undefined || legend !== undefined || source !== undefined) && (
        <header class="card-head">
          {title !== undefined && <h2>{title}</h2>}
          {legend !== undefined && <div class="legend">{legend}</div>}
          <div class="actions">
            {source !== undefined && (
              <CopyButton
                text={`curl '${urlOf(source.path, source.query).href.replaceAll("'", '%27')}'`}
                label="Copy API call"
              />
            )}
            {csv !== undefined && <CsvButton csv={csv} />}
          </div>
        </header>
      )}
      {children}
      {footer !== undefined && <footer class="card-foot">{footer}</footer>}
    </section>
  )
}

export function CsvButton({ csv }: { csv: Csv }) {
  return (
    <button type="button" class="button" onClick={() => download(`${csv.file}.csv`, csvOf(csv.header, csv.rows()))}>
      CSV
    </button>
  )
}

interface LoadedProps<Data> {
  answer: AnswerState<Data>
  /** Rows of the skeleton, so that the card has about its later height. */
  rows?: number
  children: (data: Data) => ComponentChildren
}

/** The content of an answer, a skeleton before it, or the error in its place. */
export function Loaded<Data>({ answer, rows, children }: LoadedProps<Data>) {
  const { data, error } = answer
  if (data !== undefined) return <>{children(data)}</>
  if (error !== undefined) return <Notice isError>{error.message}</Notice>
  return <Skeleton {...(rows !== undefined && { rows })} />
}
