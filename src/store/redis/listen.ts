/** Waits for groups of other sidecars by a blocking read, which needs a connection of its own. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Listen } from '../shared/watch.ts'
import { type Connection, type ConnectionTimes, openConnection, TIMES } from './connection.ts'
import type { Target } from './target.ts'

/** How long one read waits, as part of the time limit of an answer. */
const BLOCKED_PART = 0.5
/** The time between two tries to connect, in milliseconds. */
const RETRY_MS = 1000

type Reply = readonly (readonly [key: string, entries: readonly (readonly [id: string, fields: readonly string[]])[]])[]

/** Reports the groups that writers other than `own` append. The stream has one entry, so that a late reader gets the newest only. */
export function listenOn(target: Target, own: string, times: ConnectionTimes = TIMES): Listen {
  const blockMs = String(Math.round(times.answerMs * BLOCKED_PART))
  return notified => {
    const stopping = new AbortController()
    let connection: Connection | undefined

    async function listen(): Promise<void> {
      connection = await openConnection(target, times)
      // Stopped meanwhile.
      if (stopping.signal.aborted) return
      for (let last = '$'; !stopping.signal.aborted; ) {
        const read = await connection.send<Reply | null>('XREAD', 'BLOCK', blockMs, 'STREAMS', target.keys.notice, last)
        const entry = read?.[0]?.[1].at(-1)
        if (entry === undefined) continue
        const [id, [, position, , writer]] = entry
        last = id
        if (writer !== own && position !== undefined) notified(position)
      }
    }

    async function keepListening(): Promise<void> {
      while (!stopping.signal.aborted) {
        await listen().catch(() => undefined)
        await connection?.close()
        await delay(RETRY_MS, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined)
      }
    }

    const done = keepListening()
    return {
      async stop() {
        stopping.abort()
        await connection?.close()
        await done
      },
    }
  }
}
