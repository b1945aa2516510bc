/** The library, HTTP and the command give the same answer to every question, and it has the form that /openapi.json describes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createClient, type SidecarClient } from '../../src/index.ts'
import type { Question } from '../../src/questions/question.ts'
import { type Input, QUESTIONS, type QuestionPath } from '../../src/questions/questions.ts'
import { runCommand } from '../command/run-command.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

const ago = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString()
/** A range with fixed ends, so that the same question has the same answer a minute later. */
const RANGE = { since: ago(60), until: ago(1) }

/** Parameters beside those of the example, so that optional parts of answers are there too. */
const MORE: { readonly [Path in QuestionPath]?: readonly Partial<Input<Path>>[] } = {
  'success-rate': [
    { agent_name: 'a', model_name: 'm', issue_type: 'complexity' },
    { issue_type: 'complexity', ...RANGE },
    { group_by: 'model_name' },
  ],
  'best-agent': [{ min_attempts: 1, rank_by: 'expected_cost' }, { agent_name: 'nobody' }],
  'model-comparison': [{ min_attempts: 1 }, { min_attempts: 1, ...RANGE }],
  'fair-comparison': [{ by: 'agent_and_model' }, { issue_type: 'none' }],
  leaderboard: [{}, { min_attempts: 1, limit: 1 }, { issue_type: 'none' }, RANGE],
  trends: [{ ...RANGE, tz: 'Europe/Berlin', agent_name: 'a' }, { issue_type: 'none' }],
  changes: [{ since: '1h', limit: 1 }, { ...RANGE, agent_name: 'a' }, { issue_type: 'none' }],
  calibration: [{ group_by: 'key' }, { issue_type: 'none' }],
  costs: [{ agent_name: 'b' }, { issue_type: 'none' }],
  'experiments/{name}': [{ baseline: 'long', adaptive: true }, { baseline: 'none' }, { name: 'none' }],
  experiments: [RANGE, { agent_name: 'b' }],
  'experiments/{name}/history': [{ baseline: 'long', ...RANGE }, { baseline: 'none' }, { name: 'none' }],
  route: [
    // The ages of attempts are counted from the end of the range. From now, they would differ between two questions. The end is
    // extended to a whole minute, which must have passed.
    { half_life: '7d', min_success_rate: 50, until: new Date(Date.now() - 120_000).toISOString() },
    { explore: true, seed: 's', max_cost_usd: 1 },
  ],
  report: [{ model_name: 'm' }, { issue_type: 'none' }],
  metrics: [{ recent: false }, RANGE],
  attempts: [
    { limit: 100, with_ids: true },
    { order: 'oldest', ...RANGE },
  ],
}

interface OpenApi {
  readonly paths: Readonly<
    Record<string, { readonly get?: { readonly responses: Readonly<Record<number, Response200>> } }>
  >
  readonly components: { readonly schemas: object }
}
interface Response200 {
  readonly content: { readonly 'application/json': { readonly schema: object; readonly example: unknown } }
}

let sidecar: TestSidecar
let client: SidecarClient
let openApi: OpenApi

beforeAll(async () => {
  sidecar = await testSidecar()
  client = createClient(sidecar.url)
  const agents = [
    { agent_name: 'a', model_name: 'm', confidence: 0.9, cost_usd: 0.1 },
    { agent_name: 'b', model_name: 'n', confidence: null, input_tokens: 10, error_type: 'timeout' },
    { agent_name: '__proto__', model_name: 'm:n', confidence: 0.5, attempt_id: undefined },
  ]
  const attempts = Array.from({ length: 150 }, (_, i) =>
    anAttempt({
      ...agents[i % 3],
      issue_type: i % 5 === 0 ? 'formatting' : 'complexity',
      success: i % 4 !== 0 && (i % 3 !== 1 || i < 75),
      experiment: 'prompt',
      variant: i % 2 === 0 ? 'short' : 'long',
      timestamp: new Date(Date.now() - (150 - i) * 60_000).toISOString(),
    }),
  )
  expect((await sidecar.post(attempts)).status).toBe(200)
  openApi = (await (await sidecar.get('/openapi.json')).json()) as OpenApi
})
afterAll(() => sidecar[Symbol.asyncDispose]())

const asked = QUESTIONS.flatMap(question =>
  [{}, ...(MORE[question.path] ?? [])].map(more => ({ question, parameters: { ...question.example, ...more } })),
)

/** An answer as JSON has it, without the time at which it was made. */
function comparable(answer: unknown): unknown {
  if (answer === undefined || answer === null) return null
  const { generated_at, evaluated_at, last_updated, ...rest } = JSON.parse(JSON.stringify(answer)) as Record<
    string,
    unknown
  >
  return rest
}

async function overHttp(path: QuestionPath, parameters: Input<QuestionPath>): Promise<unknown> {
  return await client.ask(path, parameters).catch(error => {
    if (error.status === 404) return undefined
    throw error
  })
}

/** The command line that asks a question: arguments for what is required, options for the rest. */
function argumentsOf({ command, parameters: schema }: Question, parameters: object): string[] {
  const names: string[] = []
  const options: string[] = []
  for (const [name, value] of Object.entries(parameters)) {
    if (!schema.shape[name]!.safeParse(undefined).success) names.push(String(value))
    else options.push(`--${name.replaceAll('_', '-')}`, ...(value === true ? [] : [String(value)]))
  }
  return [command!, ...names, ...options]
}

describe('the same answer comes from', () => {
  test.each(asked)('the tracker and HTTP: $question.path $parameters', async ({ question, parameters }) => {
    const answer = await sidecar.sidecar.tracker.ask(question.path, parameters as Input<QuestionPath>)
    expect(comparable(await overHttp(question.path, parameters as Input<QuestionPath>))).toEqual(comparable(answer))
  })

  test.each(asked.filter(({ question }) => question.command !== undefined))(
    'the tracker and the command: $question.path $parameters',
    async ({ question, parameters }) => {
      const answer = await sidecar.sidecar.tracker.ask(question.path, parameters as Input<QuestionPath>)
      const argv = [...argumentsOf(question, parameters), '--json', '--url', sidecar.url]
      expect(comparable(JSON.parse((await runCommand(argv)).stdout))).toEqual(comparable(answer))
    },
  )

  test.each([{}, { agent_name: 'a' }, { agent_name: 'a', model_name: 'm', issue_type: 'complexity' }])(
    'the documented method of the library: the success rates of %o, without their intervals',
    async selection => {
      const rates = await sidecar.sidecar.tracker.getSuccessRate(selection)
      const answer = await client.ask('success-rate', selection)
      expect(rates).toEqual('success_rates' in answer ? answer.success_rates : answer.success_rate)
    },
  )

  test('the documented method of the library: the best agent with its evidence', async () => {
    const best = await sidecar.sidecar.tracker.getBestAgentForIssueType('complexity')
    expect(comparable(await client.bestAgent('complexity'))).toEqual(comparable(best))
    expect(best).toMatchObject({ p_best: expect.any(Number), contenders: expect.any(Array) })
  })
})

/** The schema of a question's answer in /openapi.json, as something that validates. */
function publishedSchema(path: QuestionPath): z.ZodType {
  const { schema } = openApi.paths[`/api/v1/${path}`]!.get!.responses[200]!.content['application/json']
  const text = JSON.stringify({ ...schema, $defs: openApi.components.schemas })
  return z.fromJSONSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')))
}

describe('the form that /openapi.json describes is that of', () => {
  test.each(asked)('the answer to $question.path $parameters', async ({ question, parameters }) => {
    const answer = await overHttp(question.path, parameters as Input<QuestionPath>)
    if (answer === undefined) expect(question.noAnswer).toBeDefined()
    else expect(publishedSchema(question.path).safeParse(answer).error?.issues ?? []).toEqual([])
  })

  test.each(QUESTIONS)('the example of $path', ({ path }) => {
    const { example } = openApi.paths[`/api/v1/${path}`]!.get!.responses[200]!.content['application/json']
    expect(publishedSchema(path).safeParse(example).error?.issues ?? []).toEqual([])
  })

  test.each(QUESTIONS)('no answer to $path with another member', async ({ path, example }) => {
    const answer = { ...(await client.ask(path, example as Input<QuestionPath>)), no_member_of_any_answer: 1n }
    expect(publishedSchema(path).safeParse(answer).success).toBe(false)
  })
})
