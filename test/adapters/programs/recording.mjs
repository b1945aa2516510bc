/** An instrumentation whose attempts are kept, and the cases of a program by name. */
import { createInstrumentation } from 'agent-performance-client'

const attempts = []
export const problems = []
const delivery = {
  add: attempt => void attempts.push(attempt),
  flush: async () => true,
  close: async () => true,
  stats: () => ({}),
}
export const instrumentation = createInstrumentation({
  delivery,
  onProblem: ({ message }) => void problems.push(message),
})

const FIELDS = [
  'agent_name',
  'model_name',
  'issue_type',
  'success',
  'confidence',
  'error_type',
  'session_id',
  'input_tokens',
  'output_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'cost_usd',
]
const cases = {}

/** Runs a case that records so many attempts, and keeps what was recorded and what the caller got. */
export async function record(name, count, work) {
  attempts.length = 0
  let result
  try {
    result = await work()
  } catch (error) {
    result = `threw ${error.name}`
  }
  const untilMs = performance.now() + 5_000
  while (attempts.length < count && performance.now() < untilMs) await new Promise(resolve => setTimeout(resolve, 5))
  // Whatever is one too many comes soon after.
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
  const recorded = attempts.map(attempt =>
    Object.fromEntries(FIELDS.filter(field => attempt[field] !== undefined).map(field => [field, attempt[field]])),
  )
  cases[name] = { result, recorded }
}

export function print() {
  process.stdout.write(`${JSON.stringify({ cases, problems })}\n`)
  process.exit()
}
