/** The row of open streams: what a thousand readers of the live stream cost those who record. */
import { join } from 'node:path'
import { ATTEMPTS_PATH, attemptOf, singlePosts } from '../support/attempts.ts'
import { cycle, openConnection, post } from '../support/http-load.ts'
import { byCpu, describe, measureServer, rates, type ServerLoad } from '../support/measured-server.ts'
import { atLeast, type Bench, type Row, short } from '../support/row.ts'
import { type Server, startSidecar } from '../support/servers.ts'
import { interleave, median, ratios } from '../support/statistics.ts'
import { openStreams } from '../support/streams.ts'

const STREAMS = 1000
const CONNECTIONS = 64
const KEYS = 100
/** Attempts that the streams show, in batches of 10. */
const WATCHED_PER_SECOND = 200
const BATCH = 10
const WATCHED = 'watched-agent'

export async function streamRows(bench: Bench): Promise<Row[]> {
  const start = (name: string): Promise<Server> =>
    startSidecar({ store: join(bench.folder, `${name}.json`), args: ['--max-connections', String(5 * STREAMS)] })
  // Two sidecars: for a minute after its last stream, one still keeps attempts for those that connect again.
  const [unwatched, ours] = [await start('no-streams'), await start('streams')]
  const requests = cycle(singlePosts(KEYS))
  const load = (server: Server): Promise<ServerLoad> =>
    whileWatched(server.port, () => measureServer(server, { requests, connections: CONNECTIONS }, bench))
  let leastBytes = Number.POSITIVE_INFINITY
  try {
    const measured = await interleave(bench.rounds, {
      'no stream': () => load(unwatched),
      [`${STREAMS} streams`]: async () => {
        const streams = await openStreams(ours.port, `?agent_name=${WATCHED}`, STREAMS)
        streams.takeBytes()
        const result = await load(ours)
        leastBytes = Math.min(leastBytes, streams.takeBytes().least)
        streams.close()
        return result
      },
    })
    for (const text of describe(measured)) bench.log(text)
    const [without, watched] = [measured['no stream']!, measured[`${STREAMS} streams`]!]
    // An attempt is over 200 bytes of a stream. Half of them show that the streams are open and followed.
    const expected = WATCHED_PER_SECOND * (bench.ms / 1000) * 100
    if (leastBytes < expected) throw new Error(`a stream received ${leastBytes} bytes only`)
    return [
      atLeast(
        {
          figure: `single POST, kept, with ${short(STREAMS)} open streams that show ${WATCHED_PER_SECOND} attempts per second`,
          against: 'the rate without streams',
          note: `${short(median(rates(watched)))}/s against ${short(median(rates(without)))}/s${byCpu(watched, without)}`,
        },
        { value: 0.95, unit: '×' },
        ratios(rates(watched), rates(without)),
      ),
    ]
  } finally {
    await Promise.all([ours.stop(), unwatched.stop()])
  }
}

/** Records attempts of the watched agent at a constant rate while `work` runs. */
async function whileWatched<T>(port: number, work: () => Promise<T>): Promise<T> {
  let failed: Error | undefined
  const connection = await openConnection(port, error => {
    failed = error ?? new Error('the server closed the connection')
  })
  const batch = Array.from({ length: BATCH }, (_, key) => ({ ...attemptOf(key), agent_name: WATCHED }))
  const request = post(ATTEMPTS_PATH, JSON.stringify(batch))
  let isFree = true
  const timer = setInterval(
    () => {
      if (!isFree) return
      isFree = false
      connection.send(request, status => {
        isFree = true
        if (status >= 300) failed = new Error(`a batch was answered with ${status}`)
      })
    },
    (1000 * BATCH) / WATCHED_PER_SECOND,
  )
  const result = await work().finally(() => {
    clearInterval(timer)
    connection.close()
  })
  if (failed !== undefined) throw failed
  return result
}
