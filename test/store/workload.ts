/** Attempts for tests that send the same ones through several kinds of stores, and what a store answers about them. */
import { readFile } from 'node:fs/promises'
import type { NewAttempt } from '../../src/core/attempt/attempt.ts'
import { createRandom } from '../../src/core/statistics/random.ts'
import { QUESTIONS } from '../../src/questions/questions.ts'
import type { AgentPerformanceTracker } from '../../src/tracker.ts'

export const NOW: number = Date.parse('2026-03-01T12:00:00Z')
/** Attempts of real agents. The file is not part of the project. */
export const REAL: URL = new URL('../../../shared/data/terminal-bench-attempts.ndjson', import.meta.url)

/** 6,000 attempts of 60 keys in batches of 1 to 400, of which some repeat an id, and some come late. */
export function workload(): NewAttempt[][] {
  const random = createRandom(7)
  const whole = (below: number): number => Math.floor(random() * below)
  const batches: NewAttempt[][] = []
  for (let made = 0; made < 6000; ) {
    const size = Math.min(6000 - made, random() < 0.5 ? 1 + whole(5) : 1 + whole(400))
    batches.push(
      Array.from({ length: size }, (_, i) => ({
        agent_name: `agent-${whole(4)}`,
        model_name: `model:${whole(3)}`,
        issue_type: `type-${whole(5)}`,
        success: random() < 0.7,
        confidence: random() < 0.1 ? null : whole(101) / 100,
        time_seconds: random() * 600,
        timestamp: new Date(NOW - whole(random() < 0.2 ? 60 * 86_400_000 : 7_200_000)).toISOString(),
        ...(random() < 0.9 && { attempt_id: `id ${random() < 0.1 ? whole(made + 1) : made + i}` }),
        ...(random() < 0.3 && { experiment: 'prompt', variant: random() < 0.5 ? 'long' : 'short' }),
        ...(random() < 0.5 && { cost_usd: random() }),
      })),
    )
    made += size
  }
  return batches
}

/** Every question, asked in two ways, as text. */
export async function answersOf(tracker: AgentPerformanceTracker): Promise<string> {
  const answers: Record<string, unknown> = {}
  for (const question of QUESTIONS)
    for (const parameters of [question.example, { ...question.example, since: '1h' }])
      answers[`${question.path} ${JSON.stringify(parameters)}`] = await tracker
        .ask(question.path, parameters as never)
        .catch((error: unknown) => String(error))
  // A cursor is opaque: each kind of store has its own.
  return JSON.stringify(answers, (name, value) => (name === 'next_cursor' && value !== null ? 'a cursor' : value))
}

/** In batches. Undefined without the file. */
export async function realAttempts(): Promise<NewAttempt[][] | undefined> {
  const text = await readFile(REAL, 'utf8').catch(() => undefined)
  const attempts = text
    ?.trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as NewAttempt)
  return (
    attempts &&
    Array.from({ length: Math.ceil(attempts.length / 500) }, (_, i) => attempts.slice(i * 500, i * 500 + 500))
  )
}
