/** Looks up attempts by their ids in a log whose parts have an index, from the newest part back. */
import type { AttemptRecord, LogRecord, OutcomeRecord } from '../../core/fold.ts'
import type { FoundAttempt, Log } from '../../core/log.ts'
import { createEventLoopYield } from '../../lib/event-loop.ts'
import type { IdColumns } from './id-columns.ts'
import { createWantedIds, type WantedIds } from './wanted.ts'

/** A part of a log with its index. */
export interface IndexedPart {
  readonly ids: Pick<IdColumns, 'placesOf'>
  /** The wanted records at ascending places, and perhaps others, in the order of the log. Without records that the log left out. */
  read(places: readonly number[], wanted: Pick<WantedIds, 'has'>): Promise<readonly LogRecord[]>
}

/**
 * The attempts that are stored under the ids, each with the outcomes that count. `parts` come newest first, and no more of them are taken than
 * are needed.
 */
export async function findAttempts(
  ids: ReadonlySet<string>,
  seed: number,
  parts: AsyncIterable<IndexedPart>,
): Promise<Map<string, FoundAttempt>> {
  const searches = new Map(Array.from(ids, id => [id, new Search()]))
  const wanted = createWantedIds(ids, seed)
  if (wanted.size > 0) {
    // Nothing else waits where all parts are indexed, and none of them has a wanted id.
    const yieldToEventLoop = createEventLoopYield()
    for await (const part of parts) {
      const places = part.ids.placesOf(wanted)
      if (places.length > 0) {
        for (const id of noteNewestFirst(searches, await part.read(places, wanted))) wanted.remove(id)
        if (wanted.size === 0) break
      }
      await yieldToEventLoop()
    }
  }
  const found = new Map<string, FoundAttempt>()
  for (const [id, search] of searches) {
    const one = search.result()
    if (one !== undefined) found.set(id, one)
  }
  return found
}

/** Notes the records of one part, back to the attempt. Returns the ids whose search is complete: no older part is needed. */
function noteNewestFirst(searches: ReadonlyMap<string, Search>, records: readonly LogRecord[]): string[] {
  const noted = new Set<string>()
  for (let i = records.length - 1; i >= 0; i--) {
    const record = records[i]!
    const id = idOf(record)
    const search = id === undefined ? undefined : searches.get(id)
    if (search === undefined || search.attempt !== undefined) continue
    if (record.kind === 'outcome') search.addOutcome(record)
    else if (record.kind === 'attempt') search.attempt = record
    noted.add(id!)
  }
  return [...noted].filter(id => searches.get(id)!.isComplete)
}

function idOf(record: LogRecord): string | undefined {
  if (record.kind === 'attempt') return record.attempt.attempt_id
  return record.kind === 'outcome' ? record.outcome.attempt_id : undefined
}

/** What was found under one id so far, newest first. */
class Search {
  attempt: AttemptRecord | undefined
  readonly #outcomes: OutcomeRecord[] = []

  /** Only the attempt ends the search: an outcome that is sent again is a duplicate also if many others follow it. */
  get isComplete(): boolean {
    return this.attempt !== undefined
  }

  addOutcome(record: OutcomeRecord): void {
    this.#outcomes.push(record)
  }

  result(): FoundAttempt | undefined {
    const oldest = this.#outcomes.at(-1)?.revision
    const hasOlder = this.attempt === undefined && this.#outcomes[0]?.revision !== oldest
    // Two sidecars may write the same revision, of which the first counts. Without the attempt, that one may be in the part that has expired.
    const proven = hasOlder ? this.#outcomes.filter(({ revision }) => revision !== oldest) : this.#outcomes
    const outcomes: OutcomeRecord[] = []
    for (const outcome of proven.toReversed())
      if (outcome.revision > (outcomes.at(-1)?.revision ?? 0)) outcomes.push(outcome)
    const newest = this.attempt ?? outcomes.at(-1)
    return newest && { attempt: newest.attempt, at: newest.at, outcomes }
  }
}

/** Runs lookups one after the other, because they change one index. */
export function inOrder(find: Log['find']): Log['find'] {
  let last: Promise<unknown> = Promise.resolve()
  return ids => {
    const found = last.then(() => find(ids))
    last = found.catch(() => undefined)
    return found
  }
}
