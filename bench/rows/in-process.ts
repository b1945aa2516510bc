/** Rows for measurements inside a process: questions, tracking and memory. */
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import type { QuestionTimes } from '../measures/questions.ts'
import { measure, measureRounds } from '../support/in-process.ts'
import { atMost, type Bench, type Row } from '../support/row.ts'
import { spread } from '../support/statistics.ts'

/** Times and memory of the origin at 10,000 keys are constants. This run does not measure them. */
const ORIGIN = "constant: the origin's"

export async function inProcessRows(bench: Bench): Promise<Row[]> {
  const rounds = Math.ceil(bench.rounds / 2)
  return [...(await questionRows(bench, rounds)), ...(await trackingRows(rounds)), ...(await memoryRows())]
}

async function questionRows(bench: Bench, rounds: number): Promise<Row[]> {
  const times: QuestionTimes[] = []
  for (let round = 0; round < rounds; round++) {
    times.push(await measure<QuestionTimes>('questions', await mkdtemp(join(bench.folder, 'questions-'))))
  }
  const row = (name: string, question: keyof QuestionTimes, origin: string, value: number): Row =>
    atMost(
      { figure: `${name}, in process, 10,000 keys: p99`, against: `${ORIGIN} ${origin}` },
      { value, unit: ' ms' },
      spread(times.map(one => one[question])),
    )
  return [
    // The origin names the best alone; this answer holds the evidence that it is the best of a hundred.
    row('best agent with its evidence', 'best', '0.7 ms', 0.01),
    row('report with JSON', 'report', '61 ms', 1),
    row("every key's rate with JSON", 'rates', '17 ms', 10),
  ]
}

async function trackingRows(rounds: number): Promise<Row[]> {
  const overheads = await measureRounds<{ without: number; registered: number }>(rounds, 'tracking')
  const figure = 'trackAttempt around a no-op, more than a plain await'
  return [
    atMost(
      { figure: `${figure}, no SDK registered`, against: 'a plain await' },
      { value: 2, unit: ' µs' },
      spread(overheads.map(one => one.without)),
    ),
    atMost(
      { figure: `${figure}, SDK registered`, against: 'a plain await', note: 'metrics and traces, async context' },
      { value: 8, unit: ' µs' },
      spread(overheads.map(one => one.registered)),
    ),
  ]
}

async function memoryRows(): Promise<Row[]> {
  const { attempt, key, older } = await measure<{ attempt: number; key: number; older: number }>('memory')
  return [
    atMost(
      { figure: 'memory per recent attempt', against: `${ORIGIN} 677 B` },
      { value: 32, unit: ' B' },
      spread([attempt]),
    ),
    atMost(
      { figure: 'memory per full key with its index, tiers apart', against: `${ORIGIN} 68 KB` },
      { value: 4, unit: ' KB' },
      spread([key / 1024]),
    ),
    atMost(
      { figure: 'memory for the outcomes of a key before its last 100', against: '', note: 'the origin keeps none' },
      { value: 512, unit: ' B' },
      spread([older]),
    ),
  ]
}
