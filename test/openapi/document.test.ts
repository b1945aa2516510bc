/** What /openapi.json promises of the answers. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { QUESTIONS } from '../../src/questions/questions.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

interface Operation {
  readonly parameters: readonly { readonly name: string; readonly required: boolean }[]
  readonly responses: {
    readonly 200: { readonly content: { readonly 'application/json': { readonly example: object } } }
  }
}

let sidecar: TestSidecar
beforeAll(async () => {
  sidecar = await testSidecar()
  const key = (agent_name: string, model_name: string) => ({ agent_name, model_name, issue_type: 'complexity' })
  const attempts = Array.from({ length: 40 }, (_, i) =>
    anAttempt({
      ...(i % 2 === 0 ? key('RefactoringAgent', 'claude-sonnet-4') : key('ArchitectAgent', 'gpt-5')),
      success: i % 2 === 0 ? i % 12 !== 6 : i % 5 < 3,
      confidence: 0.8,
      cost_usd: 0.02,
      experiment: 'prompt',
      variant: i % 4 < 2 ? 'short' : 'long',
      // As the example is: over two hours, so that a trend has two halves.
      timestamp: new Date(Date.now() - (40 - i) * 180_000).toISOString(),
    }),
  )
  expect((await sidecar.post(attempts)).status).toBe(200)
})
afterAll(() => sidecar[Symbol.asyncDispose]())

/** The members of an answer at every depth, and what kind of value each has; of a list those of its first item. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (value === null || typeof value !== 'object') return value === null ? null : typeof value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]))
}

test('every example has the members that the answer to that question has, at every depth', async () => {
  const { paths } = (await (await sidecar.get('/openapi.json')).json()) as { paths: Record<string, { get: Operation }> }
  const questions = Object.entries(paths).filter(([path]) => QUESTIONS.some(one => path === `/api/v1/${one.path}`))
  expect(questions).toHaveLength(QUESTIONS.length)
  for (const [path, { get }] of questions) {
    const isRequired = get.parameters.some(({ name, required }) => name === 'issue_type' && required)
    const answer = await sidecar.get(path.replace('{name}', 'prompt') + (isRequired ? '?issue_type=complexity' : ''))
    expect(answer.status, path).toBe(200)
    const { example } = get.responses[200].content['application/json']
    expect(shapeOf(example), path).toEqual(shapeOf(await answer.json()))
  }
})
