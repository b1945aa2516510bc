/** Times attempts and then outcomes of all of them, in the same store and the same batches. */
import { openStore } from '../../src/store/open.ts'
import { attemptsOf } from '../support/attempts.ts'

const KEYS = 100
const BATCH = 1000
/** Calls that wait at the same time. */
const CLIENTS = 8

export interface RecordingRate {
  readonly perSecond: number
  /** CPU of this process, in microseconds each. */
  readonly cpu: number
}

export interface OutcomeRates {
  readonly attempts: RecordingRate
  readonly outcomes: RecordingRate
}

/** Records `batches` batches once to warm up, and once to be timed. */
export async function timeOutcomes(target = '', batches = ''): Promise<OutcomeRates> {
  const store = await openStore(target)
  const made = attemptsOf(10_000, KEYS)
  const idOf = (round: number, batch: number, i: number): string => `${process.pid}-${round}-${batch}-${i}`
  const times: OutcomeRates[] = []
  for (const round of [0, 1]) {
    const inBatch = <T>(batch: number, of: (id: string, i: number) => T): T[] =>
      Array.from({ length: BATCH }, (_, i) => of(idOf(round, batch, i), i))
    const attempts = await timed(Number(batches), batch =>
      store.append(inBatch(batch, (attempt_id, i) => ({ ...made[i]!, attempt_id }) as never)),
    )
    const outcomes = await timed(Number(batches), async batch => {
      const kept = await store.appendOutcomes(
        inBatch(batch, (attempt_id, i) => ({ attempt_id, success: i % 3 > 0, source: 'ci' })),
      )
      if (kept.accepted !== BATCH) throw new Error(`${kept.accepted} of ${BATCH} outcomes were accepted`)
    })
    times.push({ attempts, outcomes })
  }
  await store.close()
  return times.at(-1)!
}

async function timed(batches: number, send: (batch: number) => Promise<unknown>): Promise<RecordingRate> {
  let next = 0
  const [startMs, used] = [performance.now(), process.cpuUsage()]
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (next < batches) await send(next++)
    }),
  )
  const { user, system } = process.cpuUsage(used)
  const count = batches * BATCH
  return { perSecond: (count / (performance.now() - startMs)) * 1000, cpu: (user + system) / count }
}
