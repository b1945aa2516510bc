/** A server that lacks acknowledged groups takes the place of the one that had them. */
import { describe, expect, test } from 'vitest'
import type { OpenStore } from '../../../src/store/backend.ts'
import { openStore } from '../../../src/store/open.ts'
import { missingPostgres, type PostgresServer, startPostgres } from '../../support/postgres.ts'
import { startProxy } from '../../support/proxy.ts'
import { answersOf, attempt, countedIn, idsIn, NOW } from '../engine/engines.ts'

const missing = missingPostgres()
const clock = (): number => NOW
const at = ({ url }: PostgresServer): { host: string; port: number } => ({
  host: '127.0.0.1',
  port: Number(new URL(url).port),
})

if (missing !== undefined) test('needs a server', context => context.skip(missing))

/** Records attempts, again until they are acknowledged. */
async function record(store: OpenStore, ...ids: readonly string[]): Promise<void> {
  for (const id of ids)
    await expect
      .poll(() =>
        store.append([attempt(id)]).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
}

describe.skipIf(missing !== undefined)('PostgreSQL', () => {
  test.for(['standby', 'backup'] as const)(
    'a %s that lacks acknowledged groups gets them again from the sidecars that run, also from one that it does not know',
    // A promotion may take a minute.
    { timeout: 180_000 },
    async kind => {
      await using primary = await startPostgres({})
      await using replication = await startProxy(at(primary))
      await using front = await startProxy(at(primary))
      const url = new URL(primary.url)
      url.port = String(front.port)
      const stores = [await openStore(url.href, { clock }), await openStore(url.href, { clock })]
      for (const [i, store] of stores.entries()) await record(store, `${i} before`)
      const standby = kind === 'standby' ? { standbyOfPort: replication.port } : {}
      await using successor = await startPostgres({ copyOf: { url: primary.url, ...standby } })
      if (kind === 'standby') {
        await record(stores[0]!, 'replicated')
        await expect.poll(() => successor.query('select last from agent_performance.head')).toEqual([{ last: '3' }])
        await expect(openStore(successor.url, { clock })).rejects.toThrow(/read-only: give the URL of the primary/)
        replication.freeze()
      }
      stores.push(await openStore(url.href, { clock }))
      for (const [i, store] of stores.entries()) await record(store, `${i} lost`, `${i} lost too`)

      front.retarget(at(successor))
      await primary.halt()
      if (kind === 'standby') {
        // A promotion waits for a receiver that waits for a frozen connection.
        replication.retarget({ host: '127.0.0.1', port: 1 })
        replication.thaw()
        await successor.query('select pg_promote()')
      }
      // The first two record on. The last one sends its groups again although it has nothing new.
      for (const [i, store] of stores.slice(0, 2).entries()) await record(store, `${i} after`)

      const known = kind === 'standby' ? 11 : 10
      for (const store of stores) await expect.poll(() => countedIn(store)).toBe(known)
      await record(stores[2]!, '2 after')

      const total = known + 1
      for (const store of stores) await expect.poll(() => countedIn(store)).toBe(total)
      const [answers, ...others] = await Promise.all(stores.map(answersOf))
      for (const other of others) expect(other).toBe(answers)
      for (const store of stores) await store.close()
      const replayed = await openStore(successor.url, { clock })
      expect(await idsIn(replayed)).toHaveLength(total)
      expect(await answersOf(replayed)).toBe(answers)
      await replayed.close()
    },
  )
})
