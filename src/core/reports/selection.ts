/** The parameters of nearly every question: the names that keys must have, a time range, and which results count. */
import type { OutcomeView } from '../aggregate/outcomes.ts'
import type { KeyFilter } from '../ports.ts'
import type { RangeQuestion } from './range.ts'

export interface Selection extends KeyFilter, RangeQuestion {
  /** Which results count. The latest by default. */
  readonly outcome?: OutcomeView | undefined
}

const NAMES: Readonly<Record<keyof Selection, true>> = {
  agent_name: true,
  model_name: true,
  issue_type: true,
  since: true,
  until: true,
  tz: true,
  outcome: true,
}

/** Extracts the selection from options. Callers may pass an object with more members, such as an attempt. */
export function selectionOf<Options extends { readonly [Name in keyof Selection]?: unknown }>(
  options: Options,
): Pick<Options, keyof Selection & keyof Options> {
  const names = Object.keys(NAMES) as (keyof Selection)[]
  const stated = names.filter(name => options[name] !== undefined).map(name => [name, options[name]])
  return Object.fromEntries(stated)
}
