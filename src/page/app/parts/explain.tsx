/** A button that explains a number: its definition, its number of attempts, and the API call that gave it. */
import { useId, useState } from 'preact/hooks'
import { type Query, type QuestionPath, urlOf } from '../data/api.ts'
import { definitionOf } from '../data/definitions.ts'
import { count, localSentence } from '../data/format.ts'
import { CopyButton } from './copy.tsx'

export interface ExplainProps {
  /** The name of the number on the page. */
  title: string
  path: QuestionPath
  query: Query
  /** The field of the answer, as in `['rows', 'p_best']`. */
  field: readonly string[]
  /** The number of attempts behind it, if it is one number. */
  attempts?: number | undefined
}

export function Explain({ title, path, query, field, attempts }: ExplainProps) {
  const id = useId()
  const [definition, setDefinition] = useState<string>()
  async function load(): Promise<void> {
    setDefinition(await definitionOf(path, field).catch((error: Error) => error.message))
  }
  const url = urlOf(path, query)
  return (
    <>
      <button type="button" class="explain" popovertarget={id} aria-label={`What is “${title}”?`}>
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
          <circle cx="8" cy="8" r="6.5" />
          <path d="M8 7.2v4M8 4.6v.2" />
        </svg>
      </button>
      <div
        id={id}
        popover="auto"
        class="popover"
        role="dialog"
        aria-label={title}
        onToggle={event => {
          if (event.newState === 'open' && definition === undefined) void load()
        }}
      >
        <p>
          <strong>{title}.</strong> {definition === undefined ? 'Loading the definition.' : localSentence(definition)}
        </p>
        {attempts !== undefined && <p>From {count(attempts)} attempts.</p>}
        <code>GET {url.pathname + url.search}</code>
        <CopyButton text={`curl '${url.href.replaceAll("'", '%27')}'`} label="Copy as curl" />
      </div>
    </>
  )
}
