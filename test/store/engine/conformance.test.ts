/** The engine passes the conformance suite of stores: on a log of one sidecar, and on a log that two sidecars use in turns. */
import type { Store } from '../../../src/core/ports.ts'
import type { Engine } from '../../../src/store/engine/engine.ts'
import { describeStore } from '../conformance.ts'
import { createMemoryServer } from '../memory-log.ts'
import { openOn } from './engines.ts'

describeStore('the engine over a memory log', async () => {
  const server = createMemoryServer()
  return { open: clock => openOn(server.open(), { clock }), remove: async () => {} }
})

describeStore('two engines over one memory log, in turns', async () => {
  const server = createMemoryServer()
  return {
    async open(clock) {
      return inTurns([await openOn(server.open(), { clock }), await openOn(server.open(), { clock })])
    },
    remove: async () => {},
  }
})

/** Each call goes to another one of the stores. A question first folds the appends of the others. */
function inTurns(engines: readonly [Engine, Engine]): Store {
  let turn = 0
  let isClosed = false
  const next = (): Engine => engines[++turn % 2]!
  async function upToDate(): Promise<Engine> {
    const engine = next()
    if (!isClosed) await engine.follow()
    return engine
  }
  // Only one engine keeps the order of concurrent calls.
  let appending: { readonly engine: Engine; calls: number } | undefined
  async function append<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    appending ??= { engine: next(), calls: 0 }
    const own = appending
    own.calls++
    try {
      return await work(own.engine)
    } finally {
      if (--own.calls === 0) appending = undefined
    }
  }
  return {
    append: (attempts, forms) => append(engine => engine.append(attempts, forms)),
    appendPoints: points =>
      append(async engine => {
        if (!isClosed) await engine.follow()
        return engine.appendPoints(points)
      }),
    reset: () => append(engine => engine.reset()),
    putExperimentPlan: (experiment, plan) => append(engine => engine.putExperimentPlan(experiment, plan)),
    experiments: () => next().experiments(),
    experimentPlan: experiment => next().experimentPlan(experiment),
    summaries: async (...given) => (await upToDate()).summaries(...given),
    arms: async (...given) => (await upToDate()).arms(...given),
    overflowedArms: async (...given) => (await upToDate()).overflowedArms(...given),
    coverage: sinceMs => next().coverage(sinceMs),
    clip: range => next().clip(range),
    attempts: async query => (await upToDate()).attempts(query),
    asOf: () => next().asOf(),
    health: () => next().health(),
    usage: () => next().usage(),
    firingAlerts: () => next().firingAlerts(),
    async close() {
      isClosed = true
      await Promise.all(engines.map(engine => engine.close()))
    },
  }
}
