/**
 * The page under load: `npm run test:page-load -- [minutes] [views]`. 10,000 keys of 200 candidates, 200 attempts a second. For each view it
 * prints the longest task, by CPU time of the first 20 s and by the clock, and the heap after a collection at the begin and the end. Exits with 1
 * above a task of 100 ms of CPU or a heap that grows by more than 5 MiB.
 */
import { capturedLog, testSidecar } from '../support/sidecar.ts'
import { launch, openPage, shown } from './app/browser.ts'

const KEYS = 10_000
const AGENTS = 40
const MODELS = 5
const RATE_PER_SECOND = 200
const MAX_TASK_MS = 100
const MAX_GROWTH = 5 * 1024 * 1024
const TRACED_MS = 20_000

const VIEWS = ['best', 'now', 'agent?agent_name=agent-7', 'agent', 'models', 'experiments', 'costs', 'attempts']
const [given = '1', ...chosen] = process.argv.slice(2)
const minutes = Number(given)

const attemptOf = (i: number): object => ({
  agent_name: `agent-${i % AGENTS}`,
  model_name: `model-${Math.floor(i / AGENTS) % MODELS}`,
  issue_type: `type-${Math.floor(i / (AGENTS * MODELS)) % (KEYS / AGENTS / MODELS)}`,
  success: (i * 7919) % 100 < 30 + (i % AGENTS),
  time_seconds: 1 + (i % 100),
  confidence: 0.8,
  cost_usd: 0.01 * (1 + (i % 7)),
  ...(i % 50 === 0 && { experiment: 'prompt', variant: i % 100 === 0 ? 'control' : 'short' }),
})

interface TraceEvent {
  readonly name: string
  readonly pid: number
  readonly tid: number
  /** CPU time, in microseconds. */
  readonly tdur?: number
  readonly args: { readonly data?: { readonly documentLoaderURL?: string } }
}

/**
 * The CPU times of the tasks of the page's main thread, in milliseconds. A busy machine changes them less than times by the clock. Chromium has
 * pages of its own in the same trace, whose tasks do not count.
 */
function cpuTimes(trace: Buffer, url: string): number[] {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] }
  const mains = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'navigationStart' && args.data?.documentLoaderURL?.startsWith(url))
      .map(({ pid, tid }) => `${pid} ${tid}`),
  )
  return traceEvents
    .filter(({ name, pid, tid }) => name.endsWith('RunTask') && mains.has(`${pid} ${tid}`))
    .map(({ tdur = 0 }) => tdur / 1000)
}

const longestOf = (tasks: readonly number[]): number => tasks.reduce((most, task) => Math.max(most, task), 0)
const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(2)

const { log, lines } = capturedLog()
await using sidecar = await testSidecar({ 'max-keys': String(KEYS + 1000) }, log)
for (let i = 0; i < KEYS; i += 5000) await sidecar.post(Array.from({ length: 5000 }, (_, j) => attemptOf(i + j)))
await using browser = await launch()
let next = KEYS
const sender = setInterval(() => {
  void sidecar.post(Array.from({ length: RATE_PER_SECOND / 5 }, () => attemptOf(next++)))
}, 200)
let isOver = false
for (const path of chosen.length > 0 ? chosen : VIEWS) {
  const { page, context, incidents } = await openPage(browser, sidecar.url, { path: '/livez' })
  await page.addInitScript(() => {
    const tasks: number[] = []
    Object.assign(globalThis, { tasks })
    new PerformanceObserver(list => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      entryTypes: ['longtask'],
    })
  })
  await browser.startTracing(page, { categories: ['toplevel', 'blink.user_timing'] })
  await page.goto(`${sidecar.url}/${path}`)
  await shown(page)
  await page.waitForTimeout(TRACED_MS)
  const cpu = cpuTimes(await browser.stopTracing(), sidecar.url)
  const cdp = await context.newCDPSession(page)
  const heap = async (): Promise<number> => {
    await cdp.send('HeapProfiler.collectGarbage')
    return (await cdp.send('Runtime.getHeapUsage')).usedSize
  }
  const before = await heap()
  await page.waitForTimeout(minutes * 60_000)
  const growth = (await heap()) - before
  const tasks = await page.evaluate(() => (globalThis as unknown as { tasks: number[] }).tasks)
  isOver ||= longestOf(cpu) > MAX_TASK_MS || growth > MAX_GROWTH
  process.stdout.write(
    `${path}: longest task ${longestOf(cpu).toFixed(0)} ms of CPU, ${longestOf(tasks).toFixed(0)} ms by the clock, ${cpu.filter(ms => ms > 50).length} above 50 ms of CPU; ` +
      `heap ${mib(before)} MiB, growth ${mib(growth)} MiB; ${incidents.length} incidents\n`,
  )
  for (const incident of incidents) process.stdout.write(`  ${incident}\n`)
  // The reason of a failed answer, such as a defect with its path and stack, is in the log of the sidecar.
  for (const line of lines.splice(0))
    if (line.level !== 'info') process.stdout.write(`  log: ${JSON.stringify(line)}\n`)
  await context.close()
}
clearInterval(sender)
process.exitCode = isOver ? 1 : 0
