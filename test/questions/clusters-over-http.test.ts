/** Answers about runs of the same tasks: clustered by task, and without a sign of it where no task repeats. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type {
  CalibrationReport,
  CostReport,
  ExperimentReport,
  FairComparison,
  PerformanceReport,
  Rate,
  RoutingReport,
  TrendReport,
} from '../../src/index.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

const TASKS = 40
const RUNS = 5

/** Five runs of each of forty tasks, an hour ago: most runs of a task end alike. */
function runs(agent: string, variant: string, shift: number, more: Record<string, unknown> = {}): object[] {
  const timestamp = new Date(Date.now() - 3_600_000).toISOString()
  return Array.from({ length: TASKS * RUNS }, (_, i) => {
    const [task, run] = [i % TASKS, Math.floor(i / TASKS)]
    const success = (task * 7 + shift) % 10 < 5 ? run > 0 || task % 2 === 0 : run === 0 && task % 2 === 0
    const key = { agent_name: agent, issue_type: task < 20 ? 'bug' : 'lint', experiment: 'e', variant }
    const amounts = { time_seconds: 1 + (task % 10), cost_usd: 1 + (task % 10), confidence: 0.7 }
    return anAttempt({ ...key, ...amounts, success, timestamp, task_id: `task ${task}`, ...more })
  })
}

const clustered = { clusters: TASKS, effective_attempts: expect.any(Number) }

describe('where tasks repeat', () => {
  let sidecar: TestSidecar
  const asked = async <T>(question: string): Promise<T> =>
    (await (await sidecar.get(`/api/v1/${question}`)).json()) as T
  beforeAll(async () => {
    sidecar = await testSidecar()
    for (const list of [runs('x', 'old', 0), runs('y', 'new', 3)]) expect((await sidecar.post(list)).status).toBe(200)
  })
  afterAll(() => sidecar[Symbol.asyncDispose]())

  test('a rate says its clusters and effective attempts, and its interval is as wide as they make it', async () => {
    const { details } = await asked<{ details: Record<string, Rate> }>('success-rate?group_by=agent_name')
    const { success_rate, success_rate_interval, effective_attempts } = details.x!
    expect(details.x).toMatchObject({ ...clustered, total_attempts: 200, evidence: 'medium' })
    expect(effective_attempts).toBeGreaterThan(TASKS)
    expect(effective_attempts).toBeLessThan(100)
    // Wilson's formula at the effective number.
    const [n, p, z] = [effective_attempts!, success_rate / 100, 1.959964]
    const half = (z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n)
    expect(success_rate_interval.high - success_rate_interval.low).toBeCloseTo(200 * half, 4)
  })

  test('the same tasks of two agents and of two issue types count once in a group', async () => {
    const report = await asked<PerformanceReport>('report')
    expect(report.summary).toMatchObject({ ...clustered, total_attempts: 400 })
    expect(report.by_agent.y).toMatchObject(clustered)
    expect(report.by_issue_type.bug).toMatchObject({ clusters: 20, total_attempts: 200 })
    expect(report.by_model.m).toMatchObject(clustered)
    expect(report.recommendations.bug).toMatchObject({ clusters: 20, total_attempts: 100 })
    expect(await asked('model-comparison')).toMatchObject({ m: clustered })
  })

  test('ranges are clustered as the whole lifetime is', async () => {
    const whole = await asked<Rate>('success-rate?agent_name=x&model_name=m&issue_type=bug')
    const { success_rate_interval, clusters, effective_attempts } = whole
    expect(clusters).toBe(20)
    const ranged = await asked<Rate>('success-rate?agent_name=x&model_name=m&issue_type=bug&since=1d')
    expect(ranged).toMatchObject({ success_rate_interval, clusters, effective_attempts })
  })

  test('the best agent, the route and trends are clustered', async () => {
    const best = await asked<Rate & { contenders: Rate[] }>('best-agent?issue_type=bug')
    expect(best).toMatchObject({ clusters: 20 })
    for (const contender of best.contenders) expect(contender).toMatchObject({ clusters: 20 })
    const { ranked } = await asked<RoutingReport>('route?issue_type=bug')
    for (const route of ranked) {
      expect(route).toMatchObject({ clusters: 20 })
      expect(route.lower_bound).toBeCloseTo(route.success_rate_interval.low, 9)
    }
    const { points } = await asked<TrendReport>('trends?since=1d')
    expect(points.filter(({ total_attempts }) => total_attempts > 0)).toMatchObject([clustered])
  })

  test('variants of an experiment that ran the same tasks are compared by task', async () => {
    const { variants, comparisons } = await asked<ExperimentReport>('experiments/e')
    expect(variants).toMatchObject([clustered, clustered])
    expect(comparisons).toMatchObject([{ common_tasks: TASKS }])
  })

  test('a fair comparison names the difference by task, with its interval', async () => {
    const { rates, by_task } = await asked<FairComparison>('fair-comparison?by=agent_name')
    expect(rates).toMatchObject([clustered, clustered])
    expect(by_task).toMatchObject([{ common_tasks: TASKS, difference_interval: { method: 'paired_t' } }])
    const { difference, difference_interval, better, worse } = by_task![0]!
    expect(new Set([better, worse])).toEqual(new Set(['x', 'y']))
    expect(difference_interval.low).toBeLessThan(difference)
    expect(difference_interval.high).toBeGreaterThan(difference)
  })

  test('intervals of times, costs and calibration are those of 40 tasks, not of 200 attempts', async () => {
    const { overall } = await asked<CostReport>('costs?agent_name=x')
    expect(overall).toMatchObject({ total_attempts: 200, clusters: TASKS, effective_attempts: TASKS })
    const { groups } = await asked<CalibrationReport>('calibration')
    expect(groups.x).toMatchObject({ attempts: 200, ...clustered })
    expect(groups.x!.effective_attempts).toBeLessThan(100)
    const { variants, comparisons } = await asked<ExperimentReport>('experiments/e')
    for (const { costs, avg_time_seconds, avg_time_seconds_interval: time } of variants) {
      // Times and costs depend on the task alone, from 1 to 10: with a standard deviation of 2.9, 40 tasks have an error of 0.46.
      expect(avg_time_seconds).toBeCloseTo(5.5, 9)
      expect(time!.high - time!.low).toBeGreaterThan(1.7)
      const cost = costs.cost_per_attempt!.interval!
      expect(cost.high - cost.low).toBeGreaterThan(1.7)
    }
    const { low, high } = comparisons[0]!.avg_time_seconds_difference_interval!
    expect(high - low).toBeGreaterThan(4)
  })

  test('the lower bound of /metrics is that of the answer', async () => {
    const { success_rate_interval } = await asked<Rate>('success-rate?agent_name=x&model_name=m&issue_type=bug')
    const text = await (await sidecar.get('/metrics')).text()
    const line = /^agent_success_ratio_lower_bound\{agent_name="x",model_name="m",issue_type="bug"\} (\S+)$/m.exec(text)
    expect(Number(line?.[1])).toBeCloseTo(success_rate_interval.low / 100, 9)
  })
})

test('where no task repeats nothing says clusters, and intervals are those of independent attempts', async () => {
  await using sidecar = await testSidecar()
  const single = runs('x', 'old', 0).map((attempt, i) => ({
    ...attempt,
    task_id: i % 2 === 0 ? `task ${i}` : undefined,
  }))
  expect((await sidecar.post(single)).status).toBe(200)
  await using other = await testSidecar()
  expect((await other.post(runs('x', 'old', 0, { task_id: undefined }))).status).toBe(200)
  for (const question of [
    'success-rate',
    'best-agent?issue_type=bug',
    'route?issue_type=bug',
    'experiments/e',
    'costs',
    'calibration',
  ]) {
    const answer = await (await sidecar.get(`/api/v1/${question}`)).text()
    expect(answer).not.toMatch(/clusters|effective_attempts|common_tasks/)
    expect(JSON.parse(answer)).toEqual(await (await other.get(`/api/v1/${question}`)).json())
  }
})
