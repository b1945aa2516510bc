/** `npm run docs`: prints docs/terminal-bench.md if the attempts of Terminal-Bench are there. A test compares the page with it. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NewAttempt } from '../src/core/attempt/attempt.ts'
import { openStore } from '../src/store/open.ts'
import { AgentPerformanceTracker } from '../src/tracker.ts'
import { type ComparedField, type ComparedQuestion, QUESTIONS, type Recording } from './terminal-bench-rows.ts'

const DATA = new URL('../../shared/data/terminal-bench-attempts.ndjson', import.meta.url)
/** Fixed, so that the age of the attempts, and with it the time buckets that hold them, is always the same. */
const NOW = Date.parse('2026-11-29T00:00:00Z')
const BATCH = 1000

/** The attempts that their authors published. Undefined if they are not on this machine. */
export async function publishedAttempts(): Promise<readonly NewAttempt[] | undefined> {
  const text = await readFile(DATA, 'utf8').catch(() => undefined)
  return text
    ?.trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as NewAttempt)
}

const COMPARED_MODELS = ['claude-opus-4.1', 'gpt-5']

/** The attempt as a benchmark suite records it: one issue type, the task by its id, and two models of one agent as an experiment. */
function inSuite(attempt: NewAttempt): NewAttempt {
  const { agent_name, model_name, issue_type } = attempt
  const isCompared = agent_name === 'droid' && COMPARED_MODELS.includes(model_name)
  const arm = isCompared ? { experiment: 'droid-model', variant: model_name } : {}
  return { ...attempt, issue_type: 'terminal-bench', task_id: issue_type, ...arm }
}

/** The page. */
export async function terminalBenchPage(attempts: readonly NewAttempt[]): Promise<string> {
  const answers = new Map<ComparedQuestion, unknown>()
  for (const recording of ['tasks', 'suite'] as const)
    await withTracker(recording === 'suite' ? attempts.map(inSuite) : attempts, async tracker => {
      for (const question of QUESTIONS.filter(one => one.recording === recording))
        answers.set(question, await tracker.ask(question.path as never, question.parameters as never))
    })
  const tables = QUESTIONS.map(question => tableOf(question, answers.get(question)))
  return `${HEAD}\n${tables.join('\n\n')}\n`
}

async function withTracker(
  attempts: readonly NewAttempt[],
  use: (tracker: AgentPerformanceTracker) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'terminal-bench-'))
  const clock = (): number => NOW
  const tracker = new AgentPerformanceTracker({ store: await openStore(join(folder, 'perf.json'), { clock }), clock })
  for (let from = 0; from < attempts.length; from += BATCH)
    await tracker.recordAttempts(attempts.slice(from, from + BATCH))
  await use(tracker)
  await tracker.close()
  await rm(folder, { recursive: true })
}

const HEAD = `# Answers about Terminal-Bench

This page compares answers about real attempts before and after the statistics were corrected for looking again and again, for ranges, and for
repeated tasks. The attempts are 2,728 results of the public leaderboard of Terminal-Bench (core 0.1.1, tbench.ai, July to September 2025): five
agents, three models and 80 tasks, about five runs of each task.

They are recorded in two ways:

- **By task**: every task is an issue type of its own. No task repeats within an issue type.
- **As a suite**: one issue type, \`terminal-bench\`, whose attempts state their task as \`task_id\`. Before, there was no \`task_id\`. The attempts
  of droid with claude-opus-4.1 and gpt-5 are the two variants of an experiment.

A dash means that there was no such field. Intervals are in brackets. The formulas are in [statistics.md](statistics.md).
\`node docs/terminal-bench.ts\` prints the column "after" from the attempts; "before" is fixed.
`

const RECORDINGS: Record<Recording, string> = { tasks: 'by task', suite: 'as a suite' }

function tableOf({ recording, path, parameters, fields }: ComparedQuestion, answer: unknown): string {
  const { name, ...rest } = parameters
  const asked = Object.entries(rest).map(([key, value]) => `${key}=${value}`)
  return [
    `## ${[path.replace('{name}', name ?? ''), ...asked].join(' ')}, ${RECORDINGS[recording]}`,
    '',
    '| field | before | after | why |',
    '| --- | --- | --- | --- |',
    ...fields.map(row => line(row, answer)),
  ].join('\n')
}

function line({ field, before, why }: ComparedField, answer: unknown): string {
  return `| \`${field.replace('/#', '')}\`${field.endsWith('#') ? ', number' : ''} | ${before} | ${printField(answer, field)} | ${why} |`
}

/** The field of an answer as the page prints it. */
export function printField(answer: unknown, field: string): string {
  let value = answer
  for (const part of field.split('/')) {
    if (typeof value !== 'object' || value === null) return '–'
    value = part === '#' ? Object.keys(value).length : (value as Record<string, unknown>)[part]
  }
  return print(value)
}

function print(value: unknown): string {
  if (value === undefined) return '–'
  if (typeof value === 'number') return String(Math.round(value * 1000) / 1000)
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(print).join(', ')
  if (typeof value !== 'object' || value === null) return String(value)
  if ('low' in value && 'high' in value) return `[${print(value.low)}, ${print(value.high)}]`
  if ('agent_name' in value) return print(value.agent_name)
  return JSON.stringify(value)
}

if (import.meta.main) {
  const attempts = await publishedAttempts()
  if (attempts === undefined) process.stdout.write('docs/terminal-bench.md stays as it is: its attempts are not here\n')
  else await writeFile(new URL('terminal-bench.md', import.meta.url), await terminalBenchPage(attempts))
}
