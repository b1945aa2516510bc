/**
 * Soak test: half of the maximum rate for some minutes, with scrapes, questions and restarts. Memory and file descriptors must not grow, and
 * the totals must be exact. `npm run bench:soak -- --minutes 20` writes its results to bench/SOAK.md.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort } from './peers/pushgateway.ts'
import { startSender } from './soak/sender.ts'
import { ask, askJson } from './support/ask.ts'
import { singlePosts } from './support/attempts.ts'
import { closedLoop } from './support/closed-loop.ts'
import { benchFolder, PROJECT } from './support/folder.ts'
import { cycle } from './support/http-load.ts'
import { machineText } from './support/machine.ts'
import { pinSelf } from './support/pinned.ts'
import { type Server, startSidecar } from './support/servers.ts'
import { median } from './support/statistics.ts'

const RUNS = 5
const SAMPLE_MS = 1000
const QUESTIONS = ['/metrics', '/api/v1/report', '/api/v1/success-rate', '/api/v1/attempts?limit=20', '/readyz']

/** The samples of one process, one per second. */
interface Run {
  readonly ended: string
  readonly seconds: number
  readonly rssMb: readonly number[]
  readonly descriptors: readonly number[]
  readonly questions: number
}

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '20' } } })
const runMs = (Number(values.minutes) * 60_000) / RUNS
pinSelf()
const folder = benchFolder()
const report = await soak()
console.log(report)
await writeFile(new URL('SOAK.md', import.meta.url), report)

async function soak(): Promise<string> {
  const perSecond = Math.round((await topRate()) / 2)
  const store = join(folder, 'soak.json')
  const port = await freePort()
  let server = await startSidecar({ store, port })
  const sender = startSender(port, 64, perSecond)
  const runs: Run[] = []
  for (let run = 0; run < RUNS; run++) {
    // Alternates between a crash and a clean stop.
    const signal = run === RUNS - 1 ? undefined : run % 2 === 0 ? 'SIGKILL' : 'SIGTERM'
    runs.push(await watch(server, signal ?? 'the end'))
    console.error(`  ${JSON.stringify(sender.sent)}`)
    if (signal === undefined) break
    await server.stop(signal)
    server = await startSidecar({ store, port })
  }
  await sender.finish()
  const counted = await totals(server.port)
  await server.stop()
  server = await startSidecar({ store, port })
  const after = await totals(server.port)
  await server.stop()
  return reportOf(perSecond, runs, sender.sent, [counted, after])
}

async function topRate(): Promise<number> {
  const server = await startSidecar({ store: join(folder, 'top-rate.json') })
  const requests = cycle(singlePosts(100))
  const { perSecond } = await closedLoop({ port: server.port, connections: 64, requests, warmUpMs: 1000, ms: 3000 })
  await server.stop()
  return perSecond
}

/** Samples memory and file descriptors of the process, and asks one question per sample. */
async function watch({ pid, port }: Server, ended: string): Promise<Run> {
  const rssMb: number[] = []
  const descriptors: number[] = []
  const startMs = performance.now()
  let questions = 0
  while (performance.now() - startMs < runMs) {
    await ask(port, QUESTIONS[questions++ % QUESTIONS.length]!)
    rssMb.push(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024)
    descriptors.push(readdirSync(`/proc/${pid}/fd`).length)
    await pause(SAMPLE_MS)
  }
  return { ended, seconds: (performance.now() - startMs) / 1000, rssMb, descriptors, questions }
}

interface Totals {
  readonly attempts: number
  readonly successes: number
}

async function totals(port: number): Promise<Totals> {
  type Metrics = Record<string, { readonly total_attempts: number; readonly successful_fixes: number }>
  const { metrics } = await askJson<{ metrics: Metrics }>(port, '/api/v1/metrics')
  const all = Object.values(metrics)
  return {
    attempts: all.reduce((sum, one) => sum + one.total_attempts, 0),
    successes: all.reduce((sum, one) => sum + one.successful_fixes, 0),
  }
}

async function reportOf(
  perSecond: number,
  runs: readonly Run[],
  sent: { readonly attempts: number; readonly successes: number; readonly again: number },
  counted: readonly Totals[],
): Promise<string> {
  const exact = counted.every(one => one.attempts === sent.attempts && one.successes === sent.successes)
  process.exitCode = exact ? 0 : 1
  const [before, after] = counted
  const rows = runs.map(({ ended, seconds, rssMb, descriptors, questions }, at) => {
    const half = Math.floor(rssMb.length / 2)
    const memory = [median(rssMb.slice(0, half)), median(rssMb.slice(half)), Math.max(...rssMb)].map(Math.round)
    const cells = [
      at + 1,
      Math.round(seconds),
      ended,
      ...memory,
      Math.max(...descriptors),
      median(descriptors),
      questions,
    ]
    return `| ${cells.join(' | ')} |`
  })
  return [
    await machineText(PROJECT),
    '',
    `${values.minutes} minutes at ${Math.round(sent.attempts / (Number(values.minutes) * 60))} single POSTs per second. Half of the maximum rate, measured just before, is ${perSecond}. One question or scrape per second.`,
    '',
    '| run | seconds | ended by | RSS MB, median of first half | median of second half | max | descriptors, max | median | questions |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
    `Sent ${sent.attempts} attempts, ${sent.successes} of them successes. Sent again because no answer came: ${sent.again}.`,
    `Counted ${before!.attempts} attempts and ${before!.successes} successes, after another restart ${after!.attempts} and ${after!.successes}: ${exact ? 'exact' : '**not exact**'}.`,
    '',
  ].join('\n')
}
