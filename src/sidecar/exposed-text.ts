/** What `/metrics` would show of a tally, without the sidecar's metrics of itself. */
import type { Tally } from '../core/aggregate/tally.ts'
import type { Clock } from '../core/ports.ts'
import { createExposition } from '../expose/exposition.ts'
import { VERSION } from '../lib/version.ts'

/** The text in pieces. A piece may be overwritten when the next one is requested. */
export async function* exposedText(tally: Tally, clock: Clock): AsyncGenerator<Uint8Array> {
  yield* (await createExposition({ tally, version: VERSION, clock, selfMetrics: () => [] }).scrape()).body
}
