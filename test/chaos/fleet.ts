/** Sidecars that share a store. One that is killed is started again, as a service manager does. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/core/statistics/random.ts'
import { end, type Spawned, spawnSidecar } from './spawned.ts'

export interface Fleet extends AsyncDisposable {
  /** The URLs of the sidecars that are ready. */
  ready(): readonly string[]
  /** Kills a sidecar, at any time of its life, and starts another one in its place. */
  kill(random: Random): Promise<void>
  /** Resolves with the URLs of all sidecars when all are ready. */
  allReady(): Promise<readonly string[]>
  /** Stops all sidecars by SIGTERM, and starts none again. Resolves with their exit codes and logs. */
  stop(): Promise<readonly { readonly exit: number | NodeJS.Signals; readonly log: string }[]>
  /** Exits that neither a kill nor a server that is away explains. */
  readonly faults: readonly string[]
}

interface Place {
  sidecar: Spawned
  url: string | undefined
}

/** A start fails with this code while the server of the store is away. */
const UNAVAILABLE = 69

/** Starts `count` sidecars of a store. `args` are theirs. */
export function startFleet(store: string, count: number, args: readonly string[]): Fleet {
  const places: Place[] = Array.from({ length: count }, () => start({} as Place))
  const faults: string[] = []
  let isStopping = false

  function start(place: Place): Place {
    const sidecar = spawnSidecar(store, { args })
    place.sidecar = sidecar
    place.url = undefined
    void sidecar.ready.then(url => {
      if (place.sidecar === sidecar) place.url = url
    })
    void sidecar.ended.then(exit => restart(place, sidecar, exit))
    return place
  }

  async function restart(place: Place, sidecar: Spawned, exit: number | NodeJS.Signals): Promise<void> {
    if (place.sidecar !== sidecar) return
    place.url = undefined
    if (isStopping) return
    if (!['SIGKILL', 'SIGTERM', 0, UNAVAILABLE].includes(exit))
      faults.push(`a sidecar ended with ${exit}: ${sidecar.log()}`)
    if (exit !== 'SIGKILL') await pause(100)
    start(place)
  }

  async function allReady(): Promise<readonly string[]> {
    for (;;) {
      const urls = places.flatMap(({ url }) => url ?? [])
      if (urls.length === count) return urls
      await pause(20)
    }
  }

  return {
    ready: () => places.flatMap(({ url }) => url ?? []),
    async kill(random) {
      const place = places[Math.floor(random() * count)]!
      const { sidecar } = place
      place.url = undefined
      // One of four is asked to stop first, and one of four dies again while it starts.
      const dice = random()
      if (dice < 0.25) {
        sidecar.process.kill('SIGTERM')
        await pause(random() * 60)
      }
      await end(sidecar, 'SIGKILL')
      if (dice < 0.75) return
      await pause(random() * 500)
      await end(place.sidecar, 'SIGKILL')
    },
    allReady,
    async stop() {
      isStopping = true
      return await Promise.all(
        places.map(async ({ sidecar }) => ({ exit: await end(sidecar, 'SIGTERM'), log: sidecar.log() })),
      )
    },
    faults,
    async [Symbol.asyncDispose]() {
      isStopping = true
      await Promise.all(places.map(({ sidecar }) => sidecar[Symbol.asyncDispose]()))
    },
  }
}
