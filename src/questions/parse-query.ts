/** Parses the parameters of a question. */
import type { z } from 'zod'
import { UTC } from '../core/attempt/time-zone.ts'
import { parseRange, zoneOf } from '../core/reports/range.ts'
import type { Selection } from '../core/reports/selection.ts'
import type { ParameterFault } from '../server/problem.ts'
import { InvalidParameters, type ParsedQuery, type Question } from './question.ts'

/**
 * The query that `given` asks at `nowMs`. Values may be text, as in a query string. Undefined ones are defaults. Throws
 * {@link InvalidParameters} that names every unknown or bad parameter.
 */
export function parseQuery({ parameters }: Pick<Question, 'parameters'>, given: object, nowMs: number): ParsedQuery {
  // No prototype, because clients may send names such as `__proto__` and `constructor`.
  const checked = parameters.safeParse(Object.assign(Object.create(null), given))
  if (!checked.success) throw new InvalidParameters(checked.error.issues.flatMap(faultsOf))
  const empty = Object.entries(given).filter(([, value]) => value === '')
  if (empty.length > 0) throw new InvalidParameters(empty.map(([name]) => ({ name, detail: 'must not be empty' })))
  const query = checked.data as Selection
  const isSinceDefault = (given as Selection).since === undefined
  const range = parseRange(query, nowMs, { isSinceDefault })
  if (range !== undefined && 'detail' in range)
    throw new InvalidParameters([{ name: range.parameter, detail: range.detail }])
  const { agent_name, model_name, issue_type } = query
  return { ...query, filter: { agent_name, model_name, issue_type }, range, zone: zoneOf(query) ?? UTC, nowMs }
}

function faultsOf(issue: z.core.$ZodIssue): ParameterFault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({ name: key.slice(0, 100), detail: 'is not a parameter of this question' }))
  }
  return [{ name: issue.path.join('.'), detail: issue.message }]
}
