/** The row for questions over HTTP while attempts are recorded. */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ask } from '../support/ask.ts'
import { batchPosts, keyOf, singlePosts } from '../support/attempts.ts'
import { cycle, sendAll } from '../support/http-load.ts'
import { openLoop } from '../support/open-loop.ts'
import { quiet } from '../support/pinned.ts'
import { atMost, type Bench, type Row, short } from '../support/row.ts'
import { startSidecar } from '../support/servers.ts'
import { median, quantile, spread } from '../support/statistics.ts'

const KEYS = 10_000
const PER_SECOND = 5000
/** Pause between an answer and the next question. Questions are sequential. */
const PAUSE_MS = 5
const { agent_name, model_name, issue_type } = keyOf(4711)
const QUESTIONS: Readonly<Record<string, string>> = {
  'rate of a key': `/api/v1/success-rate?agent_name=${agent_name}&model_name=${model_name}&issue_type=${issue_type}`,
  'rates of an agent': `/api/v1/success-rate?agent_name=${agent_name}`,
  'best agent': `/api/v1/best-agent?issue_type=${issue_type}`,
  'model comparison': `/api/v1/model-comparison?issue_type=${issue_type}`,
  'last attempts': '/api/v1/attempts?limit=20',
  report: '/api/v1/report',
}

export async function questionRows(bench: Bench): Promise<Row[]> {
  const server = await startSidecar({ store: join(bench.folder, 'questions.json') })
  try {
    const seed = cycle(batchPosts(1000, KEYS))
    for (let times = 0; times < 10; times++) await sendAll(server.port, seed, KEYS / 1000)
    const requests = cycle(singlePosts(KEYS))
    const target = { port: server.port, connections: 64, perSecond: PER_SECOND, warmUpMs: bench.warmUpMs }
    const rounds: Record<string, number[]>[] = []
    for (let round = 0; round < bench.rounds; round++) {
      await quiet(server.pid)
      const ingest = openLoop({ ...target, requests, ms: bench.ms * 2 })
      const [latencies] = await Promise.all([askUntil(server.port, ingest), ingest])
      rounds.push(latencies)
    }
    return [rowOf(rounds)]
  } finally {
    await server.stop()
  }
}

/** Asks all questions repeatedly until `ingest` has ended. Resolves with the latencies in milliseconds, by question. */
async function askUntil(port: number, ingest: Promise<unknown>): Promise<Record<string, number[]>> {
  const latencies: Record<string, number[]> = Object.fromEntries(Object.keys(QUESTIONS).map(name => [name, []]))
  let over = false
  const stop = (): void => {
    over = true
  }
  ingest.then(stop, stop)
  while (!over) {
    for (const [name, path] of Object.entries(QUESTIONS)) {
      const startMs = performance.now()
      await ask(port, path)
      latencies[name]!.push(performance.now() - startMs)
      await pause(PAUSE_MS)
    }
  }
  return latencies
}

function rowOf(rounds: readonly Readonly<Record<string, readonly number[]>>[]): Row {
  const p99 = (numbers: readonly number[]): number =>
    quantile(
      numbers.toSorted((a, b) => a - b),
      0.99,
    )
  const each = Object.keys(QUESTIONS).map(name => `${name} ${short(median(rounds.map(round => p99(round[name]!))))}`)
  return atMost(
    {
      figure: 'questions over HTTP at 10,000 keys while 5,000 attempts per second are recorded: p99 over all questions',
      against: '',
      note: `p99 by question, ms: ${each.join(', ')}`,
    },
    { value: 8, unit: ' ms' },
    spread(rounds.map(round => p99(Object.values(round).flat()))),
  )
}
