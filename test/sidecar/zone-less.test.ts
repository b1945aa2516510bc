/** A time without a zone is resolved once, when it is received: another zone at the next start changes nothing. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { anAttempt } from '../support/sidecar.ts'
import { startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'

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

test.each([
  ['SIGKILL', 'America/Los_Angeles'],
  ['SIGTERM', 'UTC'],
] as const)('also over a change of clocks, after %s, in %s', async (signal, TZ) => {
  await using folder = await temporaryFolder()
  const store = join(folder.path, 'agents.json')
  const args = ['--retention-age', '3650d']
  await using first = await startSidecarProcess(store, { args, env: { TZ: 'Europe/Berlin' } })
  const sent = await fetch(`${first.url}/api/v1/attempts`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(TIMES.map(([timestamp]) => anAttempt({ timestamp }))),
  })
  expect(sent.status).toBe(200)
  const before = await timesOf(first.url)
  expect(before.listed).toEqual(TIMES.map(([, instant]) => instant))
  expect(before.recent).toEqual(before.listed)
  await first.stop(signal)
  await using next = await startSidecarProcess(store, { args, env: { TZ } })
  expect(await timesOf(next.url)).toEqual(before)
})

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'of an adopted document the times are shown as they were, after %s',
  async signal => {
    await using folder = await temporaryFolder()
    const store = join(folder.path, 'agents.json')
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
    await writeFile(store, JSON.stringify({ version: '1.0', last_updated: '2026-10-26T00:00:00', metrics }))
    const args = ['--retention-age', '3650d']
    let before: Times | undefined
    for (const TZ of ['Europe/Berlin', 'America/Los_Angeles']) {
      await using next = await startSidecarProcess(store, { args, env: { TZ } })
      const times = await timesOf(next.url)
      expect(times.recent).toEqual(TIMES.map(([local]) => local))
      expect(times.listed.map(time => Date.parse(time))).toEqual(TIMES.map(([, instant]) => Date.parse(instant)))
      before ??= times
      expect(times).toEqual(before)
      await next.stop(signal)
    }
  },
)
