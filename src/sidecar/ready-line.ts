/** The log line of a sidecar that is ready: what the store contains, what was replayed, and who has access. */
import { type Config, isLoopback, maskSecrets } from '../config/config.ts'
import { totalAttempts } from '../core/aggregate/summary.ts'
import type { Tally } from '../core/aggregate/tally.ts'
import type { Steps } from '../core/steps.ts'
import { runYielding } from '../lib/event-loop.ts'

interface Started {
  readonly config: Config
  readonly tally: Pick<Tally, 'keys'>
  readonly replayedRecords: number
  /** How long it took to open the store and to replay it. */
  readonly replayMs: number
}

/** The fields of the line "ready". They contain no password and no token. */
export async function readyFields({ config, tally, replayedRecords, replayMs }: Started): Promise<object> {
  return {
    store: maskSecrets(config.store),
    ...(await runYielding(countStored(tally))),
    replayed_records: replayedRecords,
    replay_ms: replayMs,
    access: accessOf(config),
    tls: config.tlsCert !== undefined,
  }
}

function* countStored(tally: Pick<Tally, 'keys'>): Steps<{ readonly attempts: number; readonly keys: number }> {
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
