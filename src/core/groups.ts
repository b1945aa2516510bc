/** Key summaries put together by one of their names. */
import type { AttemptKey } from './attempt.ts'
import { namedRecord, uniqueKeyPrinter } from './metrics.ts'
import type { KeySummary } from './ports.ts'
import type { Grouping } from './report.ts'
import type { Counts } from './statistics/counts.ts'
import { createSummary, mergeInto, type Summary, successes, totalAttempts } from './summary.ts'

/** The merged summary of each group, by its name, in the order the groups came. */
export function groupSummaries(summaries: readonly KeySummary[], by: Grouping): ReadonlyMap<string, Summary> {
  const printed = uniqueKeyPrinter()
  const nameOf = (key: AttemptKey): string => (by === 'key' ? printed(key) : key[by])
  const groups = new Map<string, Summary>()
  for (const { key, summary } of summaries) {
    const name = nameOf(key)
    let group = groups.get(name)
    if (group === undefined) {
      group = createSummary()
      groups.set(name, group)
    }
    mergeInto(group, summary)
  }
  return groups
}

/** What `answer` makes of each group, as an object that may have any name for a key. */
export function answerByGroup<T>(
  summaries: readonly KeySummary[],
  by: Grouping,
  answer: (group: Summary) => T,
): Record<string, T> {
  return namedRecord([...groupSummaries(summaries, by)].map(([name, group]) => [name, answer(group)]))
}

/** Successes out of attempts. */
export function countsOf(summary: Summary): Counts {
  return { successes: successes(summary), attempts: totalAttempts(summary) }
}
