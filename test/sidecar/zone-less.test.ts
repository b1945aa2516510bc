/** A time without a zone is resolved once, when it is received: another zone at the next start changes nothing. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { copyOf } from '../support/files.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

/** Times in Berlin around both changes of clocks, and the instants that they are. On 25 October 02:30 comes twice: the first counts. */
const TIMES: readonly (readonly [local: string, instant: string])[] = [
  ['2026-03-29T01:30:00', '2026-03-29T00:30:00.000Z'],
  ['2026-03-29T03:30:00.123456', '2026-03-29T01:30:00.123456Z'],
  ['2026-07-01T12:00:00', '2026-07-01T10:00:00.000Z'],
  ['2026-10-25T02:30:00', '2026-10-25T00:30:00.000Z'],
  ['2026-10-25T03:30:00', '2026-10-25T02:30:00.000Z'],
]

interface Times {
  readonly listed: readonly string[]
  readonly recent: readonly string[]
  readonly points: readonly string[]
}

async function timesOf(url: string): Promise<Times> {
  const ask = async <T>(path: string): Promise<T> => (await (await fetch(`${url}/api/v1/${path}`)).json()) as T
  const listed = await ask<{ attempts: { timestamp: string }[] }>('attempts?order=oldest')
  const metrics = await ask<{ metrics: Record<string, { recent_results: { timestamp: string }[] }> }>('metrics')
  const trends = await ask<{ points: { since: string; total_attempts: number }[] }>('trends?interval=1d')
  return {
    listed: listed.attempts.map(({ timestamp }) => timestamp),
    recent: Object.values(metrics.metrics).flatMap(one => one.recent_results.map(({ timestamp }) => timestamp)),
    points: trends.points.filter(point => point.total_attempts > 0).map(({ since }) => since),
  }
}

const ZONE = process.env.TZ
afterAll(() => {
  if (ZONE === undefined) delete process.env.TZ
  else process.env.TZ = ZONE
})

/** Starts a sidecar in a time zone, which Node applies at once. In this process: one of its own takes half a second of CPU to start. */
async function startIn(TZ: string, folder: string): Promise<TestSidecar> {
  process.env.TZ = TZ
  return await testSidecar({ store: join(folder, 'agents.json'), 'retention-age': '3650d' })
}

/** Ends a sidecar as the signal does. Resolves with the folder that the next one finds. */
async function end(
  sidecar: TestSidecar,
  signal: 'SIGKILL' | 'SIGTERM',
  folder: string,
): Promise<{ readonly path: string } & AsyncDisposable> {
  const left = signal === 'SIGKILL' ? await copyOf(folder) : undefined
  await sidecar[Symbol.asyncDispose]()
  return left ?? { path: folder, [Symbol.asyncDispose]: async () => undefined }
}

test.each(['SIGKILL', 'SIGTERM'] as const)('also over a change of clocks, after %s', async signal => {
  await using folder = await temporaryFolder()
  const first = await startIn('Europe/Berlin', folder.path)
  expect((await first.post(TIMES.map(([timestamp]) => anAttempt({ timestamp })))).status).toBe(200)
  const before = await timesOf(first.url)
  expect(before.listed).toEqual(TIMES.map(([, instant]) => instant))
  expect(before.recent).toEqual(before.listed)
  await using left = await end(first, signal, folder.path)
  const second = await startIn('America/Los_Angeles', left.path)
  expect(await timesOf(second.url)).toEqual(before)
  await using again = await end(second, signal, left.path)
  await using third = await startIn('UTC', again.path)
  expect(await timesOf(third.url)).toEqual(before)
})

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'of an adopted document the times are shown as they were, after %s',
  async signal => {
    await using folder = await temporaryFolder()
    const key = { agent_name: 'a', model_name: 'm', issue_type: 'i' }
    const recent_results = TIMES.map(([timestamp]) => ({
      timestamp,
      ...key,
      success: true,
      confidence: 1,
      time_seconds: 1,
    }))
    const totals = { total_attempts: 5, successful_fixes: 5, failed_fixes: 0, avg_confidence: 1, avg_time_seconds: 1 }
    const metrics = { 'a:m:i': { ...key, ...totals, recent_results } }
    await writeFile(
      join(folder.path, 'agents.json'),
      JSON.stringify({ version: '1.0', last_updated: '2026-10-26T00:00:00', metrics }),
    )
    const first = await startIn('Europe/Berlin', folder.path)
    const times = await timesOf(first.url)
    expect(times.recent).toEqual(TIMES.map(([local]) => local))
    expect(times.listed.map(time => Date.parse(time))).toEqual(TIMES.map(([, instant]) => Date.parse(instant)))
    await using left = await end(first, signal, folder.path)
    await using second = await startIn('America/Los_Angeles', left.path)
    expect(await timesOf(second.url)).toEqual(times)
  },
)
