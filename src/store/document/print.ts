/** Prints the documented file of a store of any kind. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../core/ports.ts'
import type { ReadableStore } from '../backend.ts'
import { fingerprintOf, OWN_SCHEMA } from '../snapshot/schema.ts'
import { type CapturedDocument, documentChunks } from './document-text.ts'

/**
 * The bytes of the document, in pieces of whole entries. They equal those that a file store writes of the same state at the same time. A piece is
 * valid until the next one is requested.
 */
export async function* printStore(
  { state: { tally }, covers }: Pick<ReadableStore, 'state' | 'covers'>,
  clock: Clock,
): AsyncGenerator<Uint8Array> {
  const keys = tally.keys()
  const captured: CapturedDocument = {
    keys,
    changes: keys.map(({ changes }) => changes),
    isPrinted: keys.map(() => true),
    async *copies() {
      yield* keys
    },
  }
  yield* documentChunks({
    captured,
    lastUpdated: new Date(clock()).toISOString(),
    covers,
    fingerprint: fingerprintOf(OWN_SCHEMA, tally.times.save()),
    last: undefined,
    read: () => Promise.reject(new Error('there is no last document')),
    pause: nextTurn,
  })
}
