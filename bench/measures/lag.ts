/** One of several sidecars on a store: appends at a fixed rate, and states when it knew of its own attempts and of those of others. */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hrtime } from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { openStore } from '../../src/store/open.ts'
import { quantile } from '../support/statistics.ts'
import { withIds } from './stores.ts'

/** One attempt in ten is followed to the other sidecars. */
const isFollowed = (id: string): boolean => id.endsWith('0')
/** The load begins so much earlier than the measurement, in milliseconds: until then, four processes compile their code on two cores. */
const WARM_UP_MS = 3000
/** How long a sidecar stays after its last append, to fold those of the others. */
const STAY_MS = 500

/** How long a sidecar waits for the others to open the store. */
const READY_MS = 60_000

/** Milliseconds of the monotonic clock, which all processes of this machine share. */
const machineMs = (): number => Number(hrtime.bigint()) / 1e6

type Seen = readonly [id: string, atMs: number]

export interface LagOfOne {
  /** Attempts of this sidecar that were answered, and those of others that it folded. Times are of a clock that all processes of this machine share. */
  readonly answered: readonly Seen[]
  readonly folded: readonly Seen[]
  readonly sent: number
  /** The median time of an append in milliseconds. */
  readonly append: number
}

/** The `sidecars` of a run begin together, when all of them have put a file into the folder `ready`. */
export async function timeLag(target = '', sidecars = '', perSecond = '', ms = '', ready = ''): Promise<LagOfOne> {
  const store = await openStore(target)
  const [folded, answered]: [Seen[], Seen[]] = [[], []]
  store.events.subscribe(event => {
    if (event.kind !== 'kept' || event.own) return
    const nowMs = machineMs()
    for (const record of event.records) {
      const id = record.kind === 'attempt' ? record.attempt.attempt_id : undefined
      if (id !== undefined && isFollowed(id)) folded.push([id, nowMs])
    }
  })
  await allReady(ready, Number(sidecars))
  const startMs = machineMs()
  const fromMs = startMs + WARM_UP_MS
  const untilMs = fromMs + Number(ms)

  const appends: number[] = []
  const calls: Promise<void>[] = []
  async function append(): Promise<void> {
    const attempts = withIds(1)
    const sentMs = machineMs()
    await store.append(attempts)
    if (sentMs < fromMs) return
    const nowMs = machineMs()
    appends.push(nowMs - sentMs)
    const id = attempts[0]!.attempt_id!
    if (isFollowed(id)) answered.push([id, nowMs])
  }
  // An open loop: every millisecond as many as are due by now.
  for (let due = 0; machineMs() < untilMs; await pause(1)) {
    const count = ((machineMs() - startMs) * Number(perSecond)) / 1000 / Number(sidecars)
    for (; due < count; due++) calls.push(append())
  }
  await Promise.all(calls)
  await pause(STAY_MS)
  await store.close()
  return { answered, folded, sent: appends.length, append: quantile(Float64Array.from(appends).sort(), 0.5) }
}

async function allReady(folder: string, sidecars: number): Promise<void> {
  await writeFile(join(folder, String(process.pid)), '')
  for (const untilMs = machineMs() + READY_MS; (await readdir(folder)).length < sidecars; await pause(5))
    if (machineMs() > untilMs) throw new Error('the other sidecars did not open the store')
}
