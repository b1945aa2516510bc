/**
 * Follows work that goes on after it was returned: iterators, streams, bodies of responses. The object stays the same one, and so does what
 * its reader sees.
 */
import { followAiResult, isAiResult } from './ai-result.ts'
import type { Ending } from './ending.ts'
import { followIterable, followIterator, isAsyncIterable, isGenerator } from './iterator.ts'
import { followNodeStream, isNodeStream } from './node-stream.ts'
import { createSource, followReadableStream, isReadableStream } from './readable-stream.ts'
import { followResponse, isUnreadResponse } from './response.ts'

/** Follows `value` if work goes on in it. Otherwise returns false, and the work has ended. Never throws. */
export function follow(value: unknown, ending: () => Ending): boolean {
  if (typeof value !== 'object' || value === null) return false
  try {
    const start = followerOf(value)
    start?.(ending())
    return start !== undefined
  } catch {
    // A frozen object, or one that cannot be inspected.
    return false
  }
}

function followerOf(value: object): ((ending: Ending) => void) | undefined {
  if (isAiResult(value)) return ending => followAiResult(value, ending)
  if (isUnreadResponse(value)) return ending => followResponse(value, ending)
  if (isReadableStream(value)) return ending => followReadableStream(value, createSource(ending))
  if (isNodeStream(value)) return ending => followNodeStream(value, ending)
  if (isAsyncIterable(value)) return ending => followIterable(value, ending)
  if (isGenerator(value)) return ending => followIterator(value, ending)
  return undefined
}
