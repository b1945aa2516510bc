/** Says how many attempts are pending, where a question finds no attempt that counts. */

import { counted } from './format.ts'
import type { Source } from './source.ts'

/** The parameters that select attempts. */
const SELECTION = ['agent_name', 'model_name', 'issue_type', 'since', 'until', 'tz'] as const

/**
 * A sentence if attempts that fit a question are pending. Undefined if none is, or if the source does not say. Costs one question, so it is for
 * questions without an answer.
 */
export async function pendingAttempts(source: Source, given: object): Promise<string | undefined> {
  const all = given as Readonly<Record<string, unknown>>
  const selection = Object.fromEntries(SELECTION.flatMap(name => (all[name] === undefined ? [] : [[name, all[name]]])))
  try {
    const { pending } = (await source.ask('honesty', selection)).overall.outcomes
    if (!(pending > 0)) return undefined
    return `${counted(pending, 'attempt is', 'attempts are')} pending, and none that fits has a result: record outcomes to decide them.`
  } catch {
    // The question itself has its answer, so an unanswered hint is no error.
    return undefined
  }
}
