/** System calls that fail, stall or kill the process, injected with strace into a real sidecar. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { createRandom } from '../../src/core/statistics/random.ts'
import { attemptOf } from '../chaos/attempts.ts'
import { audit } from '../chaos/audit.ts'
import { resendUnanswered, type SendResult, sendNumbers } from '../chaos/client.ts'
import { totalOf } from '../chaos/kill-runs.ts'
import { createLedger, type Ledger } from '../chaos/ledger.ts'
import { end, type Spawned, spawnSidecar, urlOf } from '../chaos/spawned.ts'
import { needs } from './needs.ts'

const random = createRandom(2)
const NOTHING_WRONG = { lost: 0, double: 0, wrong: 0, faults: [] }

interface TestStore extends AsyncDisposable {
  readonly store: string
  /** The journal's first segment, and the first ten. */
  readonly segment: string
  readonly segments: readonly string[]
  readonly trace: string
  /** Starts a sidecar with a fault in its system calls; `only` restricts it to calls on these paths. */
  inject(fault: string, only?: readonly string[], args?: readonly string[]): Spawned
}

async function createTestStore(): Promise<TestStore> {
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
      // The journal uses positional writes.
      const injected = call === 'write' ? 'write,pwrite64' : call
      const calls = `trace=${injected},write,pwrite64,close`
      // With -D the sidecar is the direct child, so that signals reach it and not strace.
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

/** Sends `count` small requests sequentially, or until the sidecar is gone. Returns the number of refusals. */
async function sendMany(
  url: string,
  ledger: Ledger,
  count: number,
  send: (url: string, ledger: Ledger, i: number) => Promise<SendResult> = mixedRequest,
): Promise<number> {
  let refusals = 0
  for (let i = 0; i < count; i++) {
    const result = await send(url, ledger, i)
    if (result === 'unknown') return refusals
    if (result === 'kept') continue
    refusals++
    await pause(100)
  }
  return refusals
}

const mixedRequest = (url: string, ledger: Ledger, i: number): Promise<SendResult> =>
  sendNumbers(url, ledger.take(1 + (i % 7)), ledger, random)

/** One attempt as JSON: one small record. */
async function smallRequest(url: string, ledger: Ledger): Promise<SendResult> {
  const numbers = ledger.take(1)
  const body = JSON.stringify(attemptOf(numbers[0]!))
  const headers = { 'Content-Type': 'application/json' }
  const { status } = await fetch(`${url}/api/v1/attempts`, { method: 'POST', headers, body })
  if (status === 200) ledger.kept(numbers, { accepted: 1, duplicates: 0 })
  else ledger.refused(numbers)
  return status === 200 ? 'kept' : 'refused'
}

/** Asserts that every acknowledged attempt is counted, and of the unanswered ones at most all: a stream may be kept in part. */
async function expectKept(url: string, { counts }: Ledger): Promise<void> {
  const total = await totalOf(url)
  expect(total).toBeGreaterThanOrEqual(counts.kept)
  expect(total).toBeLessThanOrEqual(counts.kept + counts.open)
}

/** Starts without faults, sends unanswered attempts again, and asserts that exactly the acknowledged ones are counted. */
async function expectAllCounted({ store }: TestStore, ledger: Ledger): Promise<void> {
  await using sidecar = spawnSidecar(store)
  const url = await urlOf(sidecar)
  await resendUnanswered(url, ledger, random)
  expect(await audit(url, store, ledger)).toEqual(NOTHING_WRONG)
  expect(await end(sidecar, 'SIGTERM')).toBe(0)
}

/** The first system call on a file descriptor after a write to it failed. */
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

describe('a sidecar killed in a system call', () => {
  test.each([
    ['write', [1, 2, 3, 10, 40]],
    ['fsync', [1, 2, 3, 4, 5, 8]],
    ['rename', [1, 2, 3, 4]],
    ['mkdir', [1]],
    ['unlink', [1]],
  ])('%s counts exactly the acknowledged attempts after a restart', async (call, times) => {
    let killed = 0
    for (const when of times) {
      await using files = await createTestStore()
      const ledger = createLedger()
      await using sidecar = files.inject(
        `${call}:signal=KILL:when=${when}`,
        call === 'write' ? files.segments : undefined,
      )
      const url = await sidecar.ready
      if (url !== undefined) {
        await sendMany(url, ledger, 60)
        await pause(200)
        sidecar.process.kill('SIGTERM')
      }
      if ((await sidecar.ended) === 'SIGKILL') killed++
      await expectAllCounted(files, ledger)
    }
    expect(killed).toBeGreaterThan(0)
  })
})

describe('a system call that fails', () => {
  test.each([
    ['write:error=EIO:when=4'],
    ['write:error=EIO:when=2+5'],
    ['write:error=ENOSPC:when=3'],
    ['write:error=EDQUOT:when=2..6'],
  ])('%s loses only the refused attempts', async fault => {
    await using files = await createTestStore()
    const ledger = createLedger()
    await using sidecar = files.inject(fault, files.segments)
    const url = await urlOf(sidecar)
    expect(await sendMany(url, ledger, 60)).toBeGreaterThan(0)
    await expectKept(url, ledger)
    await end(sidecar, 'SIGKILL')
    expect(ledger.counts.refused).toBeGreaterThan(0)
    await expectAllCounted(files, ledger)
  })

  test('a write cut short in the middle of a record is refused, and recording continues in a new segment', async context => {
    needs(context, 'prlimit')
    await using files = await createTestStore()
    const ledger = createLedger()
    // No file may grow beyond this: the write that crosses it is cut there.
    await using sidecar = spawnSidecar(files.store, { under: ['prlimit', '--fsize=30000'] })
    const url = await urlOf(sidecar)
    expect(await sendMany(url, ledger, 300, smallRequest)).toBeGreaterThan(0)
    expect(sidecar.log()).toContain('EFBIG')
    await expectKept(url, ledger)
    await end(sidecar, 'SIGKILL')
    expect(await readdir(join(files.store, '../agent_performance.journal'))).toContain(basename(files.segments[1]!))
    await expectAllCounted(files, ledger)
  })

  test('a disk that reports a write it did not do loses only that record, which the next start reports as damaged', async () => {
    await using files = await createTestStore()
    const ledger = createLedger()
    // The third write of each thread reports 40 bytes and writes none. Node writes the rest behind them and reports success.
    await using sidecar = files.inject('write:retval=40:when=3', files.segments)
    const url = await urlOf(sidecar)
    expect(await sendMany(url, ledger, 40, smallRequest)).toBe(0)
    await end(sidecar, 'SIGKILL')
    await using again = spawnSidecar(files.store)
    const missing = ledger.counts.kept - (await totalOf(await urlOf(again)))
    const lies = (await readFile(files.trace, 'utf8')).match(/INJECTED/g)?.length ?? 0
    expect(lies).toBeGreaterThan(0)
    expect(missing).toBe(lies)
    expect(again.log()).toContain('the journal is damaged')
  })

  test('a file descriptor is never written to again after a failed write', async () => {
    await using files = await createTestStore()
    const ledger = createLedger()
    await using sidecar = files.inject('write:error=EIO:when=4', files.segments)
    const url = await urlOf(sidecar)
    await sendMany(url, ledger, 40)
    await end(sidecar, 'SIGKILL')
    expect(firstCallAfterFailedWrite(await readFile(files.trace, 'utf8'))).toBe('close')
    await expectAllCounted(files, ledger)
  })

  test.each(['EMFILE', 'EDQUOT', 'EROFS', 'ENOSPC'])(
    '%s when a segment is created refuses attempts, and recording resumes after it',
    async code => {
      await using files = await createTestStore()
      const ledger = createLedger()
      await using sidecar = files.inject(`openat:error=${code}:when=1`, [files.segment])
      const url = await urlOf(sidecar)
      expect(await sendMany(url, ledger, 40)).toBeGreaterThan(0)
      await resendUnanswered(url, ledger, random)
      expect(await audit(url, files.store, ledger)).toEqual(NOTHING_WRONG)
      await end(sidecar, 'SIGKILL')
      await expectAllCounted(files, ledger)
    },
  )

  test('EIO while the journal is read fails the start, names the path, and changes no file', async () => {
    await using files = await createTestStore()
    const ledger = createLedger()
    const first = spawnSidecar(files.store)
    await sendMany(await urlOf(first), ledger, 10)
    await end(first, 'SIGKILL')
    const before = await readFile(files.segment)
    await using sidecar = files.inject('pread64:error=EIO', [files.segment])
    expect(await sidecar.ready).toBeUndefined()
    expect(await sidecar.ended).toBe(73)
    expect(sidecar.log()).toMatch(/EIO/)
    expect(sidecar.log()).toContain(files.store)
    expect((await readFile(files.segment)).equals(before)).toBe(true)
    const names = await readdir(join(files.segment, '..'))
    expect(names.filter(name => name.includes('corrupt'))).toEqual([])
    await expectAllCounted(files, ledger)
  })
})

test('with writes that take 2 s, acknowledged attempts are durable, excess attempts are refused, and questions are not delayed', async () => {
  await using files = await createTestStore()
  await using sidecar = files.inject('write:delay_enter=2000000', files.segments, ['--max-pending-attempts', '50'])
  const url = await urlOf(sidecar)
  const ledger = createLedger()
  const startMs = performance.now()
  const results = Promise.all(Array.from({ length: 20 }, () => sendNumbers(url, ledger.take(5), ledger, random)))
  let slowestMs = 0
  for (let i = 0; i < 20; i++) {
    const askedMs = performance.now()
    await (await fetch(`${url}/livez`)).arrayBuffer()
    slowestMs = Math.max(slowestMs, performance.now() - askedMs)
    await pause(50)
  }
  const all = await results
  expect(performance.now() - startMs).toBeGreaterThan(2000)
  expect(all).toContain('kept')
  expect(all).toContain('refused')
  expect(all).not.toContain('unknown')
  process.stdout.write(`slowest answer during writes of 2 s: ${Math.round(slowestMs)} ms\n`)
  expect(slowestMs).toBeLessThan(1500)
  expect(await audit(url, files.store, ledger)).toEqual(NOTHING_WRONG)
  await end(sidecar, 'SIGKILL')
  await expectAllCounted(files, ledger)
})
