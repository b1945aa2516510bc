/** Points out the names in a question that no attempt has, and what may have been meant. */
import { nearest } from '../config/nearest.ts'
import type { Source } from './source.ts'
import { printable } from './table.ts'

const NAMES = { agent_name: 'agent', model_name: 'model', issue_type: 'issue type' } as const

/** Names that are listed if none resembles the given one. */
const LISTED = 5

/**
 * A sentence for each given name that no attempt has. Empty if all are known, or if the source does not say. Costs one question for each name,
 * so it is for questions without an answer.
 */
export async function unknownNames(source: Source, given: object): Promise<readonly string[]> {
  const sentences: string[] = []
  try {
    for (const [name, what] of Object.entries(NAMES) as [keyof typeof NAMES, string][]) {
      const value: unknown = (given as Readonly<Record<string, unknown>>)[name]
      if (typeof value !== 'string') continue
      const answer = await source.ask('success-rate', { group_by: name })
      if ('success_rates' in answer) sentences.push(...unknown(what, value, Object.keys(answer.success_rates)))
    }
    if ('name' in given && typeof given.name === 'string') {
      const { experiments = [] } = await source.ask('experiments', {})
      sentences.push(
        ...unknown(
          'experiment',
          given.name,
          experiments.map(({ experiment }) => experiment),
        ),
      )
    }
  } catch {
    // The question itself has its answer, so an unanswered hint is no error.
  }
  return sentences
}

function unknown(what: string, value: string, known: readonly string[]): string[] {
  if (known.length === 0 || known.includes(value)) return []
  const meant = nearest(value, known)
  const hint =
    meant === undefined
      ? `There ${known.length === 1 ? 'is' : 'are'} ${known.slice(0, LISTED).map(quoted).join(', ')}${known.length > LISTED ? ' and more' : ''}.`
      : `Did you mean ${quoted(meant)}?`
  return [`No attempt has the ${what} ${quoted(value)}. ${hint}`]
}

const quoted = (name: string): string => `"${printable(name)}"`
