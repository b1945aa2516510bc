/** Parts of the statistics that meet in one question: plans of experiments with ranges, filters, changed shares and repeated tasks. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ExperimentReport } from '../../src/index.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

const MINUTE_MS = 60_000
/** The start of a minute, some minutes ago: attempts at it and 59 s later are in one time bucket. */
const START = Math.floor(Date.now() / MINUTE_MS - 60) * MINUTE_MS
const at = (minutes: number, seconds = 0): string =>
  new Date(START + minutes * MINUTE_MS + seconds * 1000).toISOString()

type Fields = Record<string, unknown>

const arm = (experiment: string, variant: string, good: number, count: number, more: Fields = {}): Fields[] =>
  Array.from({ length: count }, (_, i) => anAttempt({ experiment, variant, success: i < good, ...more }))

/** 50:50 until minute 20, then 90:10. */
const CHANGED = [
  ...arm('changed', 'a', 50, 100, { timestamp: at(10) }),
  ...arm('changed', 'b', 50, 100, { timestamp: at(10) }),
  ...arm('changed', 'a', 90, 180, { timestamp: at(25) }),
  ...arm('changed', 'b', 20, 20, { timestamp: at(25) }),
]
/** Ends in minute 30. */
const ENDING = [
  ...arm('ending', 'a', 10, 20, { timestamp: at(5) }),
  ...arm('ending', 'b', 10, 20, { timestamp: at(20) }),
  ...arm('ending', 'a', 0, 3, { timestamp: at(30, 10), agent_name: 'other' }),
  ...arm('ending', 'b', 0, 50, { timestamp: at(31) }),
]
/** Forty tasks of five runs, the same in both variants. The runs of a task end alike, but for one. */
const TASKS = ['a', 'b'].flatMap((variant, shift) =>
  Array.from({ length: 200 }, (_, i) => {
    const [task, run] = [i % 40, Math.floor(i / 40)]
    const success = (task * 7 + 3 * shift) % 10 < 5 ? run > 0 : run === 0
    const timestamp = at(task < 20 ? 10 : 40)
    const issue_type = task % 2 === 0 ? 'bug' : 'lint'
    return anAttempt({ experiment: 'tasks', variant, success, task_id: `task ${task}`, timestamp, issue_type })
  }),
)

let sidecar: TestSidecar
beforeAll(async () => {
  sidecar = await testSidecar({ admin: true })
  for (const list of [CHANGED, ENDING, TASKS]) expect((await sidecar.post(list)).status).toBe(200)
})
afterAll(() => sidecar[Symbol.asyncDispose]())

async function plan(experiment: string, body: object): Promise<void> {
  const headers = { 'Content-Type': 'application/json' }
  const url = `${sidecar.url}/api/v1/experiments/${experiment}`
  expect((await fetch(url, { method: 'PUT', headers, body: JSON.stringify(body) })).status).toBe(200)
}

async function report(question: string): Promise<ExperimentReport> {
  const answer = await sidecar.get(`/api/v1/experiments/${question}`)
  expect(answer.status).toBe(200)
  return (await answer.json()) as ExperimentReport
}

const totals = ({ variants }: ExperimentReport): Record<string, number> =>
  Object.fromEntries(variants.map(({ variant, total_attempts }) => [variant, total_attempts]))

describe('shares that change in the middle of an experiment', () => {
  test('are those of the whole experiment: a range from the change on is as intended, all attempts together are not', async () => {
    expect((await report(`changed?until=${at(20)}`)).sample_ratio?.status).toBe('as_intended')
    await plan('changed', { shares: { a: 90, b: 10 } })
    expect((await report(`changed?since=${at(20)}`)).sample_ratio).toEqual({ status: 'as_intended', p_value: 1 })
    const whole = await report('changed')
    expect(whole.sample_ratio?.status).toBe('mismatch')
    expect(whole.comparisons).toMatchObject([{ verdict: 'unsound' }])
    // The shares of a question hold for that question alone.
    expect((await report(`changed?until=${at(20)}&shares=a:1,b:1`)).sample_ratio?.status).toBe('as_intended')
    expect((await report('changed')).intended_shares).toEqual({ a: 90, b: 10 })
  })
})

describe('a range that begins inside an experiment', () => {
  test('counts its attempts alone, and keeps the baseline of the whole experiment', async () => {
    await plan('changed', {})
    const ranged = await report(`changed?since=${at(20)}&shares=a:9,b:1`)
    expect(totals(ranged)).toEqual({ a: 180, b: 20 })
    // Over the whole life both succeed half of the time, but for b's last twenty.
    expect(ranged.comparisons).toMatchObject([{ baseline: 'a', variant: 'b', difference: 50, verdict: 'better' }])
    const late = await report(`ending?since=${at(20)}&until=${at(21)}`)
    expect(totals(late)).toEqual({ a: 0, b: 20 })
    expect(late.comparisons).toMatchObject([{ baseline: 'a', verdict: 'cannot_tell_yet' }])
  })

  test('is clustered by the tasks in it', async () => {
    const whole = await report('tasks')
    expect(whole.variants).toMatchObject([{ clusters: 40 }, { clusters: 40 }])
    expect(whole.comparisons).toMatchObject([{ common_tasks: 40 }])
    const ranged = await report(`tasks?since=${at(30)}`)
    expect(ranged.variants).toMatchObject([
      { clusters: 20, total_attempts: 100 },
      { clusters: 20, total_attempts: 100 },
    ])
    // Twenty common tasks are too few to compare by task: the variants count as independent, with their own effective attempts.
    expect(ranged.comparisons[0]).not.toHaveProperty('common_tasks')
    for (const { effective_attempts } of ranged.variants) expect(effective_attempts).toBeLessThan(60)
  })
})

describe('the end of an experiment', () => {
  test('counts up to the time bucket that it is in, also with a range that reaches beyond it', async () => {
    await plan('ending', { end: at(30, 30) })
    for (const range of ['', `?since=${at(0)}`, `?until=${at(50)}`, `?since=${at(0)}&until=${at(50)}`]) {
      const ended = await report(`ending${range}`)
      expect(ended.end).toBe(at(30, 30))
      expect(totals(ended)).toEqual({ a: 23, b: 20 })
    }
    await plan('ending', { end: at(30) })
    expect(totals(await report(`ending?until=${at(50)}`))).toEqual({ a: 20, b: 20 })
  })

  test('before a range leaves every variant without attempts, and is never a mismatch', async () => {
    await plan('ending', { end: at(15), shares: { a: 1, b: 1, c: 1 }, baseline: 'c' })
    const after = await report(`ending?since=${at(20)}`)
    expect(after.variants[0]?.variant).toBe('c')
    expect(totals(after)).toEqual({ a: 0, b: 0, c: 0 })
    expect(after.sample_ratio).toEqual({ status: 'too_few', p_value: null })
    expect(after.comparisons.map(({ verdict }) => verdict)).toEqual(['cannot_tell_yet', 'cannot_tell_yet'])
  })
})

describe('filters of an experiment with a plan', () => {
  test('leave shares, baseline and end as they are, and count the attempts of their keys alone', async () => {
    await plan('ending', { end: at(31), shares: { a: 1, b: 1 }, baseline: 'b' })
    const other = await report('ending?agent_name=other')
    expect(other).toMatchObject({ end: at(31), intended_shares: { a: 50, b: 50 } })
    expect(other.variants.map(({ variant, total_attempts }) => [variant, total_attempts])).toEqual([
      ['b', 0],
      ['a', 3],
    ])
    await plan('ending', { end: at(30), shares: { a: 1, b: 1 }, baseline: 'b' })
    expect(totals(await report('ending?agent_name=other'))).toEqual({ a: 0, b: 0 })
  })

  test('compare the variants by the tasks of their keys', async () => {
    await plan('tasks', { shares: { a: 1, b: 1 } })
    const filtered = await report('tasks?issue_type=bug')
    expect(filtered.variants).toMatchObject([
      { clusters: 20, total_attempts: 100 },
      { clusters: 20, total_attempts: 100 },
    ])
    expect(filtered.sample_ratio).toEqual({ status: 'as_intended', p_value: 1 })
    expect(filtered.comparisons[0]).not.toHaveProperty('common_tasks')
  })
})
