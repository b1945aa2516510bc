/**
 * The page under load: `npm run test:page-load -- [minutes] [views]`. 10,000 keys of 200 candidates, 200 attempts a second, of which some are
 * verified by outcomes or pending. For each view it prints the longest task by CPU time in 20 s with what it went to, the longest by the clock
 * while nothing is traced, and the heap after a collection at the begin and the end. Exits with 1 above a task of 100 ms of CPU or a heap that
 * grows by more than 5 MiB.
 */
import { capturedLog, testSidecar } from '../support/sidecar.ts'
import { launch, openPage, shown } from './app/browser.ts'
import { mainThreadTasks, type Task, TRACE_CATEGORIES } from './trace.ts'

const KEYS = 10_000
const AGENTS = 40
const MODELS = 5
const RATE_PER_SECOND = 200
const MAX_TASK_MS = 100
const MAX_GROWTH = 5 * 1024 * 1024
/** How long a view is open for its tasks. */
const WATCHED_MS = 20_000

/** The view of one agent has the card on honesty, because some of its attempts have outcomes. */
const VIEWS = [
  ...['best', 'best?issue_type=type-7', 'now', 'agent?agent_name=agent-7', 'agent', 'models', 'experiments', 'costs'],
  ...['alerts', 'attempts'],
]
const [given = '1', ...chosen] = process.argv.slice(2)
const minutes = Number(given)

/** A pending attempt has no result before its outcome, which about half of them get. */
const isPending = (i: number): boolean => i % 70 === 3
const hasOutcome = (i: number): boolean => i % 10 === 7 || i % 140 === 3

const isSuccess = (i: number): boolean => (i * 7919) % 100 < 30 + (i % AGENTS)

const attemptOf = (i: number): object => ({
  attempt_id: `attempt-${i}`,
  agent_name: `agent-${i % AGENTS}`,
  model_name: `model-${Math.floor(i / AGENTS) % MODELS}`,
  issue_type: `type-${Math.floor(i / (AGENTS * MODELS)) % (KEYS / AGENTS / MODELS)}`,
  ...(!isPending(i) && { success: isSuccess(i) }),
  ...(!isSuccess(i) && !isPending(i) && { error_type: 'wrong_answer', trace_id: `trace-${i}` }),
  time_seconds: 1 + (i % 100),
  confidence: 0.8,
  cost_usd: 0.01 * (1 + (i % 7)),
  ...(i % 50 === 0 && { experiment: 'prompt', variant: i % 100 === 0 ? 'control' : 'short' }),
})

/** Sends attempts and the outcomes of some of them. An outcome needs its attempt. */
async function send(from: number, until: number): Promise<void> {
  const all = Array.from({ length: until - from }, (_, i) => from + i)
  await sidecar.post(all.map(attemptOf))
  const outcomes = all
    .filter(hasOutcome)
    .map(i => ({ attempt_id: `attempt-${i}`, success: isSuccess(i) && i % 3 > 0, source: 'ci' }))
  await sidecar.post(outcomes, { path: '/api/v1/outcomes' })
}

const longestOf = (tasks: readonly number[]): number => tasks.reduce((most, task) => Math.max(most, task), 0)
const printed = ({ cpuMs, parts }: Task): string =>
  `${cpuMs.toFixed(0)} ms: ${[...parts()].map(([kind, ms]) => `${kind} ${ms.toFixed(0)}`).join(', ')}`
const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(2)

const { log, lines } = capturedLog()
await using sidecar = await testSidecar({ 'max-keys': String(2 * KEYS) }, log)
for (let i = 0; i < KEYS; i += 5000) await send(i, i + 5000)
await using browser = await launch()
let next = KEYS
const sender = setInterval(() => {
  const from = next
  next += RATE_PER_SECOND / 5
  void send(from, next)
}, 200)
let isOver = false
for (const path of chosen.length > 0 ? chosen : VIEWS) {
  const { tasks, before, growth, incidents } = await watched(path)
  const traced = await tracedTasks(path)
  const cpu = traced.map(({ cpuMs }) => cpuMs)
  isOver ||= longestOf(cpu) > MAX_TASK_MS || growth > MAX_GROWTH
  process.stdout.write(
    `${path}: longest task ${longestOf(cpu).toFixed(0)} ms of CPU, ${longestOf(tasks).toFixed(0)} ms by the clock, ${cpu.filter(ms => ms > 50).length} above 50 ms of CPU; ` +
      `heap ${mib(before)} MiB, growth ${mib(growth)} MiB; ${incidents.length} incidents\n`,
  )
  for (const task of traced.slice(0, 3)) process.stdout.write(`  ${printed(task)}\n`)
  for (const incident of incidents) process.stdout.write(`  ${incident}\n`)
  // The reason of a failed answer, such as a defect with its path and stack, is in the log of the sidecar.
  for (const line of lines.splice(0))
    if (line.level !== 'info' && line.alert === undefined) process.stdout.write(`  log: ${JSON.stringify(line)}\n`)
}
clearInterval(sender)
process.exitCode = isOver ? 1 : 0

interface Watched {
  /** Tasks of more than 50 ms by the clock, in milliseconds. */
  readonly tasks: readonly number[]
  /** The heap at the begin, and how much it grew in the given minutes, in bytes. */
  readonly before: number
  readonly growth: number
  readonly incidents: readonly string[]
}

/** Opens a view without tracing, which slows all processes of the browser. */
async function watched(path: string): Promise<Watched> {
  const { page, context, incidents } = await openPage(browser, sidecar.url, { path: '/livez' })
  await page.addInitScript(() => {
    const tasks: number[] = []
    Object.assign(globalThis, { tasks })
    new PerformanceObserver(list => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      entryTypes: ['longtask'],
    })
  })
  await page.goto(`${sidecar.url}/${path}`)
  await shown(page)
  await page.waitForTimeout(WATCHED_MS)
  const cdp = await context.newCDPSession(page)
  const heap = async (): Promise<number> => {
    await cdp.send('HeapProfiler.collectGarbage')
    return (await cdp.send('Runtime.getHeapUsage')).usedSize
  }
  const before = await heap()
  await page.waitForTimeout(minutes * 60_000)
  const growth = (await heap()) - before
  const tasks = await page.evaluate(() => (globalThis as unknown as { tasks: number[] }).tasks)
  await context.close()
  return { tasks, before, growth, incidents }
}

/** Opens a view, and returns its tasks on the main thread, longest first. */
async function tracedTasks(path: string): Promise<Task[]> {
  const { page, context } = await openPage(browser, sidecar.url, { path: '/livez' })
  await browser.startTracing(page, { categories: [...TRACE_CATEGORIES] })
  await page.goto(`${sidecar.url}/${path}`)
  await shown(page)
  await page.waitForTimeout(WATCHED_MS)
  const tasks = mainThreadTasks(await browser.stopTracing(), sidecar.url).sort((a, b) => b.cpuMs - a.cpuMs)
  await context.close()
  return tasks
}
