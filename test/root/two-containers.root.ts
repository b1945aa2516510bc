/** Two sidecars that cannot see each other, each the first process of its own world, on one volume: as two containers are. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createRandom } from '../../src/core/statistics/random.ts'
import { audit } from '../chaos/audit.ts'
import { sendNumbers, settle } from '../chaos/client.ts'
import { createLedger } from '../chaos/ledger.ts'
import { end, spawnSidecar, urlOf } from '../chaos/spawned.ts'
import { needs } from './needs.ts'

/** Processes, mounts, names and shared memory of its own; killed with its parent. */
const ALONE = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc', '--uts', '--ipc']

test('two on one volume, each process 1 of its own: the second exits 75, and starts when the first is killed', async context => {
  needs(context, 'root', 'unshare')
  const random = createRandom(5)
  const folder = await mkdtemp(join(tmpdir(), 'agent-performance-volume-'))
  try {
    const store = join(folder, 'agent_performance.json')
    const ledger = createLedger()
    await using first = spawnSidecar(store, { under: ALONE })
    const url = await urlOf(first)
    await sendNumbers(url, ledger.take(10), ledger, random)
    await using second = spawnSidecar(store, { under: ALONE })
    expect(await second.ready).toBeUndefined()
    expect(await second.ended).toBe(75)
    expect(second.log()).toMatch(/process 1 /)
    expect(await sendNumbers(url, ledger.take(10), ledger, random)).toBe('kept')
    await end(first, 'SIGKILL')
    await using third = spawnSidecar(store, { under: ALONE })
    const next = await urlOf(third)
    await settle(next, ledger, random)
    expect(await audit(next, store, ledger)).toEqual({ lost: 0, double: 0, wrong: 0, faults: [] })
  } finally {
    await rm(folder, { recursive: true })
  }
})
