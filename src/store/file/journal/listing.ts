/**
 * Lists attempts by reading the journal, without an index in memory. It verifies every record it reads and every step from one segment to the
 * next. A page states how many records are missing.
 */
import { type AttemptPage, type AttemptQuery, StoreUnavailable } from '../../../core/ports.ts'
import { messageOf } from '../../messages.ts'
import { printCursor, readCursor } from './cursor.ts'
import { readChain } from './extents.ts'
import { type ListingOptions, type ListingWalk, MAX_READ_BYTES } from './listing-walk.ts'
import { walkNewestFirst } from './newest-first.ts'
import { walkOldestFirst } from './oldest-first.ts'
import { isBefore } from './position.ts'

/** Reads one page. Throws a RangeError if the cursor is not valid, and {@link StoreUnavailable} if the journal cannot be read. */
export async function listAttempts(options: ListingOptions, query: AttemptQuery): Promise<AttemptPage> {
  const missing = { records: 0, segments: 0, exact: true }
  const walk: ListingWalk = { options, query, attempts: [], outcomes: [], missing, leftBytes: MAX_READ_BYTES }
  const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor, query.order ?? 'newest')
  if (cursor !== undefined && isBefore(options.journal.end, cursor.at)) {
    throw new RangeError('is not a cursor that a page ended with')
  }
  try {
    const chain = await readChain(options)
    const walkInOrder = query.order === 'oldest' ? walkOldestFirst : walkNewestFirst
    const next = await walkInOrder(walk, chain, cursor)
    const isMissing = missing.records > 0 || missing.segments > 0
    return {
      attempts: walk.attempts,
      ...(walk.outcomes.length > 0 && { outcomes: walk.outcomes }),
      next_cursor: next === undefined ? null : printCursor(next),
      ...(isMissing && { missing }),
    }
  } catch (error) {
    query.signal?.throwIfAborted()
    throw new StoreUnavailable(`the journal cannot be read: ${messageOf(error)}`, { cause: error })
  }
}
