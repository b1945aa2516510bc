/** System calls that fail, stall or are the last one: injected by strace into a real sidecar. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { createRandom } from '../../src/core/statistics/random.ts'
import { audit } from '../chaos/audit.ts'
import { sendNumbers, settle } from '../chaos/client.ts'
import { createLedger, type Ledger } from '../chaos/ledger.ts'
import { totalOf } from '../chaos/lives.ts'
import { end, type Spawned, spawnSidecar, urlOf } from '../chaos/spawned.ts'
import { needs } from './needs.ts'

const random = createRandom(2)
const NOTHING_WRONG = { lost: 0, double: 0, wrong: 0, faults: [] }

interface Place extends AsyncDisposable {
  readonly store: string
  /** The journal's first segment, and the first ten. */
  readonly segment: string
  readonly segments: readonly string[]
  readonly trace: string
  /** Starts a sidecar with a fault in its system calls; `only` restricts it to calls on these paths. */
  inject(fault: string, only?: readonly string[], args?: readonly string[]): Spawned
}

async function aPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-performance-strace-'))
  const store = join(folder, 'agent_performance.json')
  const trace = join(folder, 'trace')
  const segments = Array.from({ length: 10 }, (_, i) =>
    join(folder, 'agent_performance.journal', `${String(i + 1).padStart(20, '0')}.ndjson`),
  )
  return {
    store,
    trace,
    segment: segments[0]!,
    segments,
    inject(fault, only = [], args = []) {
      const paths = only.flatMap(path => ['-P', path])
      const [call = '', how = ''] = fault.split(/:(.*)/s, 2)
      // The journal writes at a position.
      const injected = call === 'write' ? 'write,pwrite64' : call
      const calls = `trace=${injected},write,pwrite64,close`
      // -D: the sidecar is our child, and strace somebody else's.
      const under = [
        'strace',
        '-D',
        '-f',
        '-o',
        trace,
        '-e',
        calls,
        '-e',
        'signal=none',
        ...paths,
        '-e',
        `inject=${injected}:${how}`,
      ]
      return spawnSidecar(store, { under, args })
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

/** Sends small requests one after the other until the sidecar is gone or `count` were answered; counts the refusals. */
async function sendMany(url: string, ledger: Ledger, count: number): Promise<number> {
  let refusals = 0
  for (let i = 0; i < count; i++) {
    const fate = await sendNumbers(url, ledger.take(1 + (i % 7)), ledger, random)
    if (fate === 'unknown') return refusals
    if (fate === 'kept') continue
    refusals++
    await pause(100)
  }
  return refusals
}

/** After a clean start: what is open is sent again, and everything is counted. */
async function expectAllCounted({ store }: Place, ledger: Ledger): Promise<void> {
  await using sidecar = spawnSidecar(store)
  const url = await urlOf(sidecar)
  await settle(url, ledger, random)
  expect(await audit(url, store, ledger)).toEqual(NOTHING_WRONG)
  expect(await end(sidecar, 'SIGTERM')).toBe(0)
}

/** What was done first with the descriptor a write to which was not confirmed. */
function firstCallAfterFailedWrite(trace: string): string | undefined {
  const writing = new Map<string, string>()
  let failed: string | undefined
  for (const line of trace.split('\n')) {
    const [, thread = '', call, descriptor = ''] = /^(\d+) +(p?write|close)(?:64)?\((\d+)/.exec(line) ?? []
    if (failed !== undefined && descriptor === failed) return call
    if (call?.endsWith('write')) writing.set(thread, descriptor)
    if (/write.* EIO /.test(line)) failed = writing.get(line.split(' ', 1)[0]!)
  }
  return undefined
}

beforeEach(context => needs(context, 'strace'))

describe('a sidecar whose system call is its last one', () => {
  test.each([
    ['write', [1, 2, 3, 10, 40]],
    ['fsync', [1, 2, 3, 4, 5, 8]],
    ['rename', [1, 2, 3, 4]],
    ['mkdir', [1]],
    ['unlink', [1]],
  ])('%s has counted exactly what it acknowledged when it starts again', async (call, times) => {
    let killed = 0
    for (const when of times) {
      await using place = await aPlace()
      const ledger = createLedger()
      await using sidecar = place.inject(
        `${call}:signal=KILL:when=${when}`,
        call === 'write' ? place.segments : undefined,
      )
      const url = await sidecar.ready
      if (url !== undefined) {
        await sendMany(url, ledger, 60)
        await pause(200)
        sidecar.process.kill('SIGTERM')
      }
      if ((await sidecar.ended) === 'SIGKILL') killed++
      await expectAllCounted(place, ledger)
    }
    expect(killed).toBeGreaterThan(0)
  })
})

describe('a system call that fails', () => {
  test.each([
    ['write:error=EIO:when=4', 'a write that the disk does not confirm'],
    ['write:error=EIO:when=2+5', 'every fifth of them'],
    ['write:error=ENOSPC:when=3', 'a write'],
    ['write:error=EDQUOT:when=2..6', 'some writes'],
  ])('%s costs what was refused and nothing else', async fault => {
    await using place = await aPlace()
    const ledger = createLedger()
    await using sidecar = place.inject(fault, place.segments)
    const url = await urlOf(sidecar)
    expect(await sendMany(url, ledger, 60)).toBeGreaterThan(0)
    expect(await totalOf(url)).toBe(ledger.counts.kept)
    await end(sidecar, 'SIGKILL')
    expect(ledger.counts.refused).toBeGreaterThan(0)
    await expectAllCounted(place, ledger)
  })

  test('a descriptor a write to which was not confirmed is never written to again', async () => {
    await using place = await aPlace()
    const ledger = createLedger()
    await using sidecar = place.inject('write:error=EIO:when=4', place.segments)
    const url = await urlOf(sidecar)
    await sendMany(url, ledger, 40)
    await end(sidecar, 'SIGKILL')
    expect(firstCallAfterFailedWrite(await readFile(place.trace, 'utf8'))).toBe('close')
    await expectAllCounted(place, ledger)
  })

  test.each(['EMFILE', 'EDQUOT', 'EROFS', 'ENOSPC'])(
    '%s at the beginning of a segment is a refusal, and over when it is over',
    async code => {
      await using place = await aPlace()
      const ledger = createLedger()
      await using sidecar = place.inject(`openat:error=${code}:when=1`, [place.segment])
      const url = await urlOf(sidecar)
      expect(await sendMany(url, ledger, 40)).toBeGreaterThan(0)
      await settle(url, ledger, random)
      expect(await audit(url, place.store, ledger)).toEqual(NOTHING_WRONG)
      await end(sidecar, 'SIGKILL')
      await expectAllCounted(place, ledger)
    },
  )

  test('EIO while the journal is read keeps it from starting, with the path, and changes nothing', async () => {
    await using place = await aPlace()
    const ledger = createLedger()
    const first = spawnSidecar(place.store)
    await sendMany(await urlOf(first), ledger, 10)
    await end(first, 'SIGKILL')
    const before = await readFile(place.segment)
    await using sidecar = place.inject('pread64:error=EIO', [place.segment])
    expect(await sidecar.ready).toBeUndefined()
    expect(await sidecar.ended).toBe(73)
    expect(sidecar.log()).toMatch(/EIO/)
    expect(sidecar.log()).toContain(place.store)
    expect((await readFile(place.segment)).equals(before)).toBe(true)
    const names = await readdir(join(place.segment, '..'))
    expect(names.filter(name => name.includes('corrupt'))).toEqual([])
    await expectAllCounted(place, ledger)
  })
})

test('a disk that takes 2 s to confirm a write makes answers slow and none wrong, refuses what is too much, and holds up nobody who only asks', async () => {
  await using place = await aPlace()
  await using sidecar = place.inject('write:delay_enter=2000000', place.segments, ['--max-pending-attempts', '50'])
  const url = await urlOf(sidecar)
  const ledger = createLedger()
  const startMs = performance.now()
  const fates = Promise.all(Array.from({ length: 20 }, () => sendNumbers(url, ledger.take(5), ledger, random)))
  let slowestMs = 0
  for (let i = 0; i < 20; i++) {
    const askedMs = performance.now()
    await (await fetch(`${url}/livez`)).arrayBuffer()
    slowestMs = Math.max(slowestMs, performance.now() - askedMs)
    await pause(50)
  }
  const all = await fates
  expect(performance.now() - startMs).toBeGreaterThan(2000)
  expect(all).toContain('kept')
  expect(all).toContain('refused')
  expect(all).not.toContain('unknown')
  process.stdout.write(`slowest answer beside a write of 2 s: ${Math.round(slowestMs)} ms\n`)
  expect(slowestMs).toBeLessThan(1500)
  expect(await audit(url, place.store, ledger)).toEqual(NOTHING_WRONG)
  await end(sidecar, 'SIGKILL')
  await expectAllCounted(place, ledger)
})
