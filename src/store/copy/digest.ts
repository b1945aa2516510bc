/** A digest of a folded state: equal digests stand for states that are equal to the last bit. */
import { createHash } from 'node:crypto'
import { type FoldState, limitsIn } from '../../core/fold.ts'
import { createEventLoopYield } from '../../lib/event-loop.ts'
import { encodeState } from '../snapshot/encode.ts'

/** The SHA-256 of what a snapshot of the state holds: totals, time buckets, experiments, known ids, series, alerts and limits. */
export async function stateDigest(state: FoldState): Promise<string> {
  const hash = createHash('sha256')
  const pause = createEventLoopYield()
  for (const block of encodeState({ ...state, limits: limitsIn(state) })) {
    if (block !== undefined) hash.update(block)
    await pause()
  }
  return hash.digest('hex')
}
