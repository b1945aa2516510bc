/**
 * Half of the top rate for as long as asked, with scrapes, questions and restarts: memory and descriptors stay flat, and the totals are
 * exact in the end. `npm run bench:soak -- --minutes 20`; what it found goes to bench/SOAK.md.
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

/** What one process held: a sample a second. */
interface Run {
  readonly ended: string
  readonly seconds: number
  readonly rssMb: readonly number[]
  readonly descriptors: readonly number[]
  readonly asked: number
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
    // By turns as an administrator ends it, and as a crash does.
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

/** Asks everything, one question a sample, and notes what the process holds. */
async function watch({ pid, port }: Server, ended: string): Promise<Run> {
  const rssMb: number[] = []
  const descriptors: number[] = []
  const startMs = performance.now()
  let asked = 0
  while (performance.now() - startMs < runMs) {
    await ask(port, QUESTIONS[asked++ % QUESTIONS.length]!)
    rssMb.push(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024)
    descriptors.push(readdirSync(`/proc/${pid}/fd`).length)
    await pause(SAMPLE_MS)
  }
  return { ended, seconds: (performance.now() - startMs) / 1000, rssMb, descriptors, asked }
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
  const rows = runs.map(({ ended, seconds, rssMb, descriptors, asked }, at) => {
    const half = Math.floor(rssMb.length / 2)
    const memory = [median(rssMb.slice(0, half)), median(rssMb.slice(half)), Math.max(...rssMb)].map(Math.round)
    const cells = [at + 1, Math.round(seconds), ended, ...memory, Math.max(...descriptors), median(descriptors), asked]
    return `| ${cells.join(' | ')} |`
  })
  return [
    await machineText(PROJECT),
    '',
    `${values.minutes} minutes at ${Math.round(sent.attempts / (Number(values.minutes) * 60))} single POSTs a second, where ${perSecond} are half of what this machine took just before; a question or scrape a second.`,
    '',
    '| run | seconds | ended by | RSS MB, first half | second half | most | descriptors, most | median | questions |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
    `Attempts sent ${sent.attempts}, of them successes ${sent.successes}; sent once more because no answer came: ${sent.again}.`,
    `Counted ${before!.attempts} and ${before!.successes}; after one more restart ${after!.attempts} and ${after!.successes}: ${exact ? 'exact' : '**not exact**'}.`,
    '',
  ].join('\n')
}
