/** What every store on a server promises when connections and servers fail: what was acknowledged counts once, in all sidecars alike. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OpenStore } from '../../src/store/backend.ts'
import { openStore } from '../../src/store/open.ts'
import { startProxy, type TcpProxy } from '../support/proxy.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { answersOf, attempt, countedIn, idsIn, NOW } from './engine/engines.ts'

export interface FaultServer extends AsyncDisposable {
  readonly url: string
  crash(): Promise<void>
}

const clock = (): number => NOW

export interface FaultKind {
  start(): Promise<FaultServer>
  /** Adds the parameters to a URL that give a test an empty store of its own. */
  targetOf(url: string, test: number): string
}

export function describeFaults(name: string, { start, targetOf }: FaultKind): void {
  describe(name, () => {
    let server: FaultServer
    let tests = 0
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server[Symbol.asyncDispose]())

    /** A proxy, and stores behind it. */
    async function openBehindProxy(count: number): Promise<{ proxy: TcpProxy; stores: OpenStore[]; target: string }> {
      const url = new URL(server.url)
      const proxy = await startProxy({ host: '127.0.0.1', port: Number(url.port) })
      const target = targetOf(server.url, ++tests)
      const behind = new URL(target)
      behind.port = String(proxy.port)
      const stores: OpenStore[] = []
      for (let i = 0; i < count; i++) stores.push(await openStore(behind.href, { clock }))
      return { proxy, stores, target }
    }

    /** Records attempts of these ids, one call each, until all are acknowledged. Returns how often a call was refused. */
    async function recordAll(store: OpenStore, ids: readonly string[]): Promise<number> {
      let refused = 0
      await Promise.all(
        ids.map(async id => {
          for (;;) {
            try {
              await store.append([attempt(id)])
              return
            } catch {
              refused++
              await new Promise(resolve => setTimeout(resolve, 50))
            }
          }
        }),
      )
      return refused
    }

    async function expectEachOnce(stores: readonly OpenStore[], target: string, ids: readonly string[]): Promise<void> {
      const expected = ids.map(id => `id ${id}`).sort()
      for (const store of stores) await expect.poll(() => countedIn(store)).toBe(ids.length)
      // The last cut may hit one of these reads, which then fails and is asked again.
      let answers: readonly string[] = []
      await expect
        .poll(async () => {
          answers = await Promise.all(stores.map(answersOf))
          return new Set(answers).size
        })
        .toBe(1)
      for (const store of stores) await store.close()
      const replayed = await openStore(target, { clock })
      expect(await countedIn(replayed)).toBe(ids.length)
      expect(await idsIn(replayed)).toEqual(expected)
      expect(await answersOf(replayed)).toBe(answers[0])
      await replayed.close()
    }

    test('attempts whose answers are lost behind the commit count once', async () => {
      const { proxy, stores, target } = await openBehindProxy(2)
      await using _ = proxy
      const ids: string[] = []
      for (let round = 0; round < 8; round++) {
        const own = Array.from({ length: 20 }, (_, i) => `${round}.${i}`)
        ids.push(...own)
        proxy.cutNextAnswer()
        await Promise.all(
          stores.map((store, i) =>
            recordAll(
              store,
              own.filter((_, at) => at % 2 === i),
            ),
          ),
        )
      }
      expect(proxy.cuts).toBeGreaterThan(0)
      await expectEachOnce(stores, target, ids)
    })

    test('the same ids at two sidecars at once count once while connections are cut', async () => {
      const { proxy, stores, target } = await openBehindProxy(2)
      await using _ = proxy
      const ids = Array.from({ length: 100 }, (_, i) => `${i}`)
      const cutting = setInterval(() => {
        if (proxy.cuts < 10) proxy.cutNextAnswer()
      }, 30)
      await Promise.all(stores.map(store => recordAll(store, ids)))
      clearInterval(cutting)
      await expectEachOnce(stores, target, ids)
    })

    test('a frozen connection that ends loses and doubles nothing', async () => {
      const { proxy, stores, target } = await openBehindProxy(1)
      await using _ = proxy
      const ids = Array.from({ length: 50 }, (_, i) => `${i}`)
      const recording = recordAll(stores[0]!, ids)
      proxy.freeze()
      await new Promise(resolve => setTimeout(resolve, 300))
      proxy.thaw()
      await recording
      await expectEachOnce(stores, target, ids)
    })

    test('a server that is killed under load and started again has every acknowledged attempt, and recording goes on', async () => {
      const target = targetOf(server.url, ++tests)
      const stores = [await openStore(target, { clock }), await openStore(target, { clock })]
      const ids: string[] = []
      for (let round = 0; round < 2; round++) {
        const own = Array.from({ length: 60 }, (_, i) => `${round}.${i}`)
        ids.push(...own)
        const recording = Promise.all(
          stores.map((store, i) =>
            recordAll(
              store,
              own.filter((_, at) => at % 2 === i),
            ),
          ),
        )
        await server.crash()
        await recording
      }
      await expectEachOnce(stores, target, ids)
    })

    test('while the server is away, recording is refused, questions are answered, and health says so until it is back', async () => {
      const { proxy, stores } = await openBehindProxy(1)
      await using _ = proxy
      const [store] = stores
      await store!.append([attempt(1)])
      const url = new URL(server.url)
      proxy.retarget({ host: '127.0.0.1', port: 1 })
      proxy.thaw()
      await expect.poll(() => store!.health().writable).toBe(false)
      await expect(store!.append([attempt(2)])).rejects.toMatchObject({ name: 'StoreUnavailable', reason: 'failing' })
      await expect(store!.attempts({ limit: 1 })).rejects.toMatchObject({ name: 'StoreUnavailable', reason: 'failing' })
      expect(await countedIn(store!)).toBe(1)
      proxy.retarget({ host: '127.0.0.1', port: Number(url.port) })
      await expect.poll(() => store!.health().writable).toBe(true)
      await store!.append([attempt(2)])
      expect(await idsIn(store!)).toEqual(['id 1', 'id 2'])
      await store!.close()
    })

    test('with a spool, attempts are accepted while the server is away, outlive the sidecar, and count once in all sidecars', async () => {
      const { proxy, stores, target } = await openBehindProxy(1)
      await using _ = proxy
      await using folder = await temporaryFolder()
      const behind = new URL(target)
      behind.port = String(proxy.port)
      const options = { clock, spool: { folder: folder.path, isOwn: true, maxBytes: 1024 * 1024 } }
      const spooling = await openStore(behind.href, options)
      await spooling.append([attempt(0)])
      proxy.refuse()
      const ids = Array.from({ length: 20 }, (_, i) => `${i}`)
      for (const id of ids) await spooling.append([attempt(id)])
      expect(spooling.health()).toMatchObject({ writable: true })
      expect(spooling.metrics().get('agent_performance_spool_attempts')).toBe(19)
      expect(await countedIn(spooling)).toBe(1)
      expect(spooling.asOf()).toBeLessThanOrEqual(NOW)
      // It ends while the server is away, and the next one finds what it spooled.
      await spooling.close()
      proxy.thaw()
      const next = await openStore(behind.href, options)
      await expect.poll(() => next.metrics().get('agent_performance_spool_attempts')).toBe(0)
      expect(next.asOf()).toBeUndefined()
      await expectEachOnce([next, ...stores], target, ids)
    })

    test('eight sidecars that start at once on an empty server share one store', async () => {
      const target = targetOf(server.url, ++tests)
      const stores = await Promise.all(Array.from({ length: 8 }, () => openStore(target, { clock })))
      await Promise.all(stores.map((store, i) => store.append([attempt(i)])))
      await expectEachOnce(
        stores,
        target,
        Array.from({ length: 8 }, (_, i) => `${i}`),
      )
    })

    test('a start that loses its connection at any answer says so with exit code 69, or succeeds', async () => {
      const { proxy, stores, target } = await openBehindProxy(1)
      await using _ = proxy
      await stores[0]!.append([attempt(1)])
      await stores[0]!.close()
      const behind = new URL(target)
      behind.port = String(proxy.port)
      let failures = 0
      for (let answers = 0, isCut = true; isCut; answers++) {
        const before = proxy.cuts
        proxy.cutNextAnswer(answers)
        const opened = await openStore(behind.href, { clock }).catch((reason: unknown) => reason)
        isCut = proxy.cuts > before
        if (opened instanceof Error) {
          failures++
          expect(opened).toMatchObject({ name: 'UnusableServer', exitCode: 69 })
        } else {
          expect(await countedIn(opened as OpenStore)).toBe(1)
          proxy.cutNextAnswer(Number.POSITIVE_INFINITY)
          await (opened as OpenStore).close()
        }
      }
      expect(failures).toBeGreaterThan(5)
    })

    test('an error of the connection does not show the password', async () => {
      const url = new URL(
        targetOf('x://user:topsecret@127.0.0.1:1/db'.replace('x:', new URL(server.url).protocol), ++tests),
      )
      const error = await openStore(url.href, { clock }).catch((reason: unknown) => reason)
      expect(error).toMatchObject({ name: 'UnusableServer', exitCode: 69 })
      expect(String(error)).not.toContain('topsecret')
    })
  })
}
