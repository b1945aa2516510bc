/** Two sidecars in separate namespaces on one volume, like two containers. Each has process id 1 and cannot see the other. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createRandom } from '../../src/core/statistics/random.ts'
import { audit } from '../chaos/audit.ts'
import { resendUnanswered, sendNumbers } from '../chaos/client.ts'
import { createLedger } from '../chaos/ledger.ts'
import { end, spawnSidecar, urlOf } from '../chaos/spawned.ts'
import { needs } from './needs.ts'

/** Runs a command in separate process, mount, host name and IPC namespaces. It is killed with its parent. */
const ISOLATED = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc', '--uts', '--ipc']

test('of two containers on one volume the second exits with 75, and starts after the first is killed', async context => {
  needs(context, 'root', 'unshare')
  const random = createRandom(5)
  const folder = await mkdtemp(join(tmpdir(), 'agent-performance-volume-'))
  try {
    const store = join(folder, 'agent_performance.json')
    const ledger = createLedger()
    await using first = spawnSidecar(store, { under: ISOLATED })
    const url = await urlOf(first)
    await sendNumbers(url, ledger.take(10), ledger, random)
    await using second = spawnSidecar(store, { under: ISOLATED })
    expect(await second.ready).toBeUndefined()
    expect(await second.ended).toBe(75)
    expect(second.log()).toMatch(/process 1 /)
    expect(await sendNumbers(url, ledger.take(10), ledger, random)).toBe('kept')
    await end(first, 'SIGKILL')
    await using third = spawnSidecar(store, { under: ISOLATED })
    const next = await urlOf(third)
    await resendUnanswered(next, ledger, random)
    expect(await audit(next, store, ledger)).toEqual({ lost: 0, double: 0, wrong: 0, faults: [] })
  } finally {
    await rm(folder, { recursive: true })
  }
})
