/**
 * The page under load: `npm run test:page-load -- [minutes]`. 10,000 keys, 200 attempts a second; prints the longest task and the heap after a
 * collection at the begin and the end. Exits with 1 above a task of 100 ms or a heap that grows by more than 5 MiB.
 */
import { testSidecar } from '../support/sidecar.ts'
import { launch, openPage, shown } from './app/browser.ts'

const KEYS = 10_000
const RATE_PER_SECOND = 200
const MAX_TASK_MS = 100
const MAX_GROWTH = 5 * 1024 * 1024

const minutes = Number(process.argv[2] ?? 1)
const attemptOf = (i: number): object => ({
  agent_name: `agent-${i % 40}`,
  model_name: `model-${i % 5}`,
  issue_type: `type-${Math.floor(i / 40) % (KEYS / 40)}`,
  success: (i * 7919) % 100 < 30 + (i % 40),
  time_seconds: 1 + (i % 100),
  confidence: 0.8,
})

await using sidecar = await testSidecar({ 'max-keys': String(KEYS + 1000) })
for (let i = 0; i < KEYS; i += 5000) await sidecar.post(Array.from({ length: 5000 }, (_, j) => attemptOf(i + j)))
await using browser = await launch()
let next = KEYS
const sender = setInterval(() => {
  void sidecar.post(Array.from({ length: RATE_PER_SECOND / 5 }, () => attemptOf(next++)))
}, 200)
let isOver = false
for (const path of ['/best', '/now', '/attempts']) {
  const { page, context, incidents } = await openPage(browser, sidecar.url, { path: '/livez' })
  await page.addInitScript(() => {
    const tasks: number[] = []
    Object.assign(globalThis, { tasks })
    new PerformanceObserver(list => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      entryTypes: ['longtask'],
    })
  })
  await page.goto(sidecar.url + path)
  await shown(page)
  const cdp = await context.newCDPSession(page)
  const heap = async (): Promise<number> => {
    await cdp.send('HeapProfiler.collectGarbage')
    return (await cdp.send('Runtime.getHeapUsage')).usedSize
  }
  await page.waitForTimeout(5000)
  const before = await heap()
  await page.waitForTimeout(minutes * 60_000)
  const growth = (await heap()) - before
  const tasks = await page.evaluate(() => (globalThis as unknown as { tasks: number[] }).tasks)
  const longest = Math.max(0, ...tasks)
  isOver ||= longest > MAX_TASK_MS || growth > MAX_GROWTH
  const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(2)
  process.stdout.write(
    `${path}: longest task ${longest.toFixed(0)} ms, ${tasks.length} above 50 ms; heap ${mib(before)} MiB, growth ${mib(growth)} MiB; ${incidents.length} incidents\n`,
  )
  await context.close()
}
clearInterval(sender)
process.exitCode = isOver ? 1 : 0
