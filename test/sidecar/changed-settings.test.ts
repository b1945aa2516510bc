/** A restart with other settings merges or drops nothing that exists, after a clean stop and after kill -9. */
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { createTally } from '../../src/core/aggregate/tally.ts'
import { startSidecar } from '../../src/sidecar.ts'
import { openStore } from '../../src/store/open.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { runCommand } from '../command/run-command.ts'
import { copyOf } from '../support/files.ts'
import { anAttempt, capturedLog } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

interface Running {
  readonly url: string
  log(): string
  close(): Promise<void>
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let sidecar: Running | undefined
beforeEach(async () => {
  folder = await temporaryFolder()
})
afterEach(async () => {
  await stop('SIGTERM')
  await folder[Symbol.asyncDispose]()
})

/** Starts a sidecar with settings, each a flag and its value. In this process: one of its own takes half a second of CPU to start. */
async function start(...args: string[]): Promise<void> {
  const store = join(folder.path, 'perf.json')
  const flags = Object.fromEntries(args.flatMap((flag, i) => (i % 2 === 0 ? [[flag.slice(2), args[i + 1]]] : [])))
  const { log, lines } = capturedLog()
  const { config } = loadConfig({ flags: { listen: '127.0.0.1:0', store, ...flags }, env: {} })
  const { url, close } = await startSidecar(config, log)
  sidecar = { url, log: () => JSON.stringify(lines), close }
}

/** Ends the sidecar as the signal does. After SIGKILL the next one starts on a copy of the files of that moment. */
async function stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const before = folder
  if (signal === 'SIGKILL') {
    folder = await copyOf(before.path)
  }
  await sidecar?.close()
  sidecar = undefined
  if (folder !== before) await before[Symbol.asyncDispose]()
}

async function record(...attempts: Record<string, unknown>[]): Promise<unknown> {
  const response = await fetch(`${sidecar!.url}/api/v1/attempts`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(attempts.map(anAttempt)),
  })
  expect(response.status).toBe(200)
  return response.json()
}

async function ask<T = Record<string, unknown>>(path: string): Promise<{ status: number; body: T }> {
  const response = await fetch(`${sidecar!.url}/api/v1/${path}`)
  return { status: response.status, body: (await response.json()) as T }
}

/** Attempts of every key, by its printed name. */
async function totals(): Promise<Record<string, number>> {
  const { body } = await ask<{ metrics: Record<string, { total_attempts: number }> }>('metrics?recent=false')
  return Object.fromEntries(Object.entries(body.metrics).map(([key, one]) => [key, one.total_attempts]))
}

async function attemptsIn(range: string): Promise<number> {
  const { status, body } = await ask<{ summary: { total_attempts: number } }>(`report?${range}`)
  expect(status, JSON.stringify(body)).toBe(200)
  return body.summary.total_attempts
}

async function scraped(name: string): Promise<number> {
  const text = await (await fetch(`${sidecar!.url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

interface ExperimentAnswer {
  readonly detail: string
  readonly overflowed_attempts: number
  readonly variants: readonly { readonly variant: string; readonly total_attempts: number }[]
}

const experiment = (name: string) => ask<ExperimentAnswer>(`experiments/${name}`)
const variantsOf = ({ variants }: ExperimentAnswer): unknown[] =>
  variants.map(({ variant, total_attempts }) => [variant, total_attempts])

const OVERFLOW = '__overflow__:__overflow__:__overflow__'
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const ago = (ms: number): string => new Date(Date.now() - ms).toISOString()

describe.each([
  ['a clean stop', 'SIGTERM'],
  ['kill -9', 'SIGKILL'],
] as const)('after %s', (_name, signal) => {
  test('21 keys under --max-keys 5 remain and keep counting, only new keys overflow, and with a higher limit they get their own', async () => {
    const keys = Array.from({ length: 21 }, (_, i) => ({ agent_name: `a${i}` }))
    await start()
    await record(...keys)
    await stop(signal)

    await start('--max-keys', '5')
    expect(sidecar!.log()).toContain('max-keys 5 is below the 21 keys held')
    await record(...keys, { agent_name: 'new' })
    const held = Object.fromEntries(keys.map(({ agent_name }) => [`${agent_name}:m:i`, 2]))
    expect(await totals()).toEqual({ ...held, [OVERFLOW]: 1 })
    expect(await scraped('agent_performance_keys')).toBe(21)
    expect(await scraped('agent_performance_keys_limit')).toBe(5)
    expect(await scraped('agent_performance_attempts_overflowed_total')).toBe(1)
    await stop(signal)

    await start('--max-keys', '5')
    expect(await totals()).toEqual({ ...held, [OVERFLOW]: 1 })
    expect(await scraped('agent_performance_attempts_overflowed_total')).toBe(1)
    await stop(signal)

    await start()
    expect(sidecar!.log()).not.toContain('is below')
    await record({ agent_name: 'new' })
    expect(await totals()).toEqual({ ...held, [OVERFLOW]: 1, 'new:m:i': 1 })
    expect(await attemptsIn('since=1h')).toBe(44)
  })

  test('two arms under --max-arms 1 remain, new ones are not distinguished and the answers say so, until the limit is higher', async () => {
    await start()
    await record({ experiment: 'x', variant: 'old' }, { experiment: 'x', variant: 'new' })
    await stop(signal)

    await start('--max-arms', '1')
    expect(sidecar!.log()).toContain('max-arms 1 is below the 2 arms held')
    await record(
      { experiment: 'x', variant: 'old' },
      { experiment: 'x', variant: 'third' },
      { experiment: 'y', variant: 'a' },
      { experiment: 'z', variant: 'a' },
    )
    for (const path of ['x', 'x?since=1h']) {
      const { body } = await experiment(path)
      expect(variantsOf(body)).toEqual([
        ['old', 2],
        ['new', 1],
      ])
      expect(body.overflowed_attempts).toBe(1)
    }
    const known = await experiment('z')
    expect(known.status).toBe(404)
    expect(known.body.detail).toMatch(/limit of arms .*--max-arms/)
    const outcome = await runCommand(['experiment', 'z', '--url', sidecar!.url])
    expect(outcome.exitCode).toBe(1)
    expect(outcome.stderr).toContain('--max-arms')
    expect((await runCommand(['experiment', 'x', '--url', sidecar!.url])).stdout).toContain('This is not all')
    expect(await scraped('agent_performance_arms')).toBe(2)
    await stop(signal)

    await start()
    await record({ experiment: 'x', variant: 'third' })
    const { body } = await experiment('x')
    expect(variantsOf(body)).toEqual([
      ['old', 2],
      ['new', 1],
      ['third', 1],
    ])
    expect(body.overflowed_attempts).toBe(1)
    expect((await experiment('z')).status).toBe(404)
  })

  test('for any --tiers a range is answered or refused, and with the old tiers every range is answered as before', async () => {
    const ages = [0, 20 * MINUTE, 3 * HOUR, 30 * HOUR, 40 * DAY, 200 * DAY]
    const answers = async (): Promise<unknown> => [
      await attemptsIn(''),
      await attemptsIn(`since=${ago(21 * MINUTE)}`),
      await attemptsIn('since=4h'),
      await attemptsIn('since=32h'),
      await attemptsIn('since=42d'),
      await attemptsIn('since=400d'),
      await attemptsIn(`until=${ago(100 * DAY)}`),
    ]
    const expected = [6, 2, 3, 4, 5, 6, 1]
    await start()
    await record(...ages.map(age => ({ timestamp: ago(age) })))
    expect(await answers()).toEqual(expected)
    await stop(signal)
    for (const tiers of ['30s:36h,90m:90d,7d:forever', '1m:1h']) {
      await start('--tiers', tiers)
      expect(await attemptsIn('')).toBe(6)
      // After kill -9 there may be no snapshot yet with more than these tiers keep.
      const { status, body } = await ask<{ summary: { total_attempts: number } }>('report?since=400d')
      if (status !== 400 || signal === 'SIGTERM') expect(body.summary.total_attempts).toBe(6)
      if (signal === 'SIGTERM') expect(sidecar!.log()).toMatch(/tiers changed: from .* to /)
      await stop(signal)
    }
    await start()
    expect(await answers()).toEqual(expected)
    await record({})
    expect(await attemptsIn('since=4h')).toBe(4)
  })

  test('a smaller --id-window keeps the newest ids, a larger one all, and the counts remain', async () => {
    const ids = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => ({ attempt_id: `id-${from + i}` }))
    await start('--id-window', '5')
    await record(...ids(0, 10))
    expect(await record({ attempt_id: 'id-0' })).toEqual({ accepted: 1, duplicates: 0 })
    await stop(signal)

    await start('--id-window', '3')
    expect(await record({ attempt_id: 'id-9' }, { attempt_id: 'id-0' })).toEqual({ accepted: 0, duplicates: 2 })
    expect(await attemptsIn('')).toBe(11)
    await stop(signal)

    await start('--id-window', '1000')
    expect(await record({ attempt_id: 'id-9' }, { attempt_id: 'id-0' })).toEqual({ accepted: 0, duplicates: 2 })
    expect(await attemptsIn('')).toBe(11)
    await record(...ids(10, 500))
    expect(await record(...ids(10, 500))).toEqual({ accepted: 0, duplicates: 490 })
  })
})

describe('a range that begins before the stored time tiers', () => {
  const RANGES = ['since=2h', `until=${ago(HOUR)}`]

  test('is refused with the earliest possible time, over HTTP, by the command and by the library', async () => {
    await start('--tiers', '1s:1m')
    await record({ timestamp: ago(90 * MINUTE) }, {})
    for (const range of RANGES) {
      for (const path of ['report', 'success-rate', 'trends', 'route?issue_type=i&x', 'experiments/x', 'metrics']) {
        if (path === 'trends' && !range.startsWith('since')) continue
        const { status, body } = await ask(`${path.replace('&x', '')}${path.includes('?') ? '&' : '?'}${range}`)
        expect([path, status]).toEqual([path, 400])
        expect(body.parameters).toMatchObject([{ name: 'since' }])
        expect(body.detail).toMatch(/^since must not be before 20\d\d-\S+Z: /)
      }
    }
    const { body } = await ask('report?since=2h')
    const earliest = /before (\S+):/.exec(String(body.detail))![1]!
    expect(await attemptsIn(`since=${earliest}`)).toBe(1)
    expect(await attemptsIn('')).toBe(2)
    expect((await ask('trends')).status).toBe(200)
    expect((await ask('route?issue_type=i&half_life=1d')).status).toBe(200)
    const remote = await runCommand(['report', '--since', '2h', '--url', sidecar!.url])
    expect([remote.exitCode, remote.stderr]).toEqual([64, expect.stringContaining('since must not be before')])
    await stop('SIGTERM')
    const tally = createTally({ maxKeys: 10, maxArms: 10, tiers: [{ spanMs: 1000, keepMs: MINUTE }] })
    const tracker = new AgentPerformanceTracker({ store: await openStore(join(folder.path, 'perf.json'), { tally }) })
    await expect(tracker.generatePerformanceReport({ since: '2h' })).rejects.toThrow(RangeError)
    await expect(tracker.getTrends({ since: '2h' })).rejects.toThrow(`since must not be before ${earliest}`)
    await tracker.close()
  })

  test('is answered if nothing was ever deleted', async () => {
    await start('--tiers', '1m:24h')
    await record({})
    expect(await attemptsIn('since=365d')).toBe(1)
  })
})

describe('a setting beyond the available memory', () => {
  test.each([
    ['id-window', '99999999999', 'must be at most 10000000, not'],
    ['max-keys', '99999999999', 'must be at most 1000000, not'],
    ['max-arms', '99999999999', 'must be at most 100000, not'],
  ])('--%s %s is refused at the start, with the maximum', (name, value, said) => {
    expect(() => loadConfig({ flags: { [name]: value }, env: {} })).toThrow(said)
  })

  test('at the maximum, attempts are accepted, and limits that allocate no memory may be arbitrarily large', async () => {
    await start(
      ...['--id-window', '10000000', '--max-keys', '1000000', '--max-arms', '100000', '--max-body-bytes', '8000TiB'],
      ...['--max-pending-attempts', '9007199254740991', '--max-connections', '9007199254740991'],
      ...['--max-in-flight-bytes', '8000TiB', '--retention-bytes', '8000TiB', '--id-window-age', '999999999w'],
    )
    expect(await record({ attempt_id: 'a', experiment: 'x', variant: 'a' })).toEqual({ accepted: 1, duplicates: 0 })
    const inflated = await fetch(`${sidecar!.url}/api/v1/attempts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
      body: gzipSync(JSON.stringify(anAttempt({ attempt_id: 'a' }))),
    })
    expect(await inflated.json()).toEqual({ accepted: 0, duplicates: 1 })
    expect(await attemptsIn('since=1h')).toBe(1)
  })
})
