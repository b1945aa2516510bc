/** What the log says when the sidecar is ready: what it holds, what that took, and who may ask. */
import { type Config, isLoopback, maskSecrets } from '../config/config.ts'
import { totalAttempts } from '../core/aggregate/summary.ts'
import type { Tally } from '../core/aggregate/tally.ts'
import type { Steps } from '../core/steps.ts'
import { runYielding } from '../lib/event-loop.ts'

interface Started {
  readonly config: Config
  readonly tally: Pick<Tally, 'keys'>
  /** Records of the journal that were counted again, and how long it took to open the store, in milliseconds. */
  readonly replayedRecords: number
  readonly replayMs: number
}

/** The fields of the line "ready". They hold no password and no token. */
export async function readyFields({ config, tally, replayedRecords, replayMs }: Started): Promise<object> {
  return {
    store: maskSecrets(config.store),
    ...(await runYielding(countHeld(tally))),
    replayed_records: replayedRecords,
    replay_ms: replayMs,
    access: accessOf(config),
    tls: config.tlsCert !== undefined,
  }
}

function* countHeld(tally: Pick<Tally, 'keys'>): Steps<{ readonly attempts: number; readonly keys: number }> {
  const records = tally.keys()
  let attempts = 0
  for (const { summary } of records) {
    attempts += totalAttempts(summary)
    yield
  }
  return { attempts, keys: records.length }
}

function accessOf({ authTokenFile, listen }: Config): string {
  if (authTokenFile !== undefined) return 'tokens'
  return isLoopback(listen.host) ? 'loopback only' : 'anyone: no tokens (--insecure-no-auth)'
}
