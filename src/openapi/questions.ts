/** The operations of /openapi.json that ask questions: parameters, answers and examples of the registry. */
import { z } from 'zod'
import { describeParameters } from '../questions/parameter-json.ts'
import { parseQuery } from '../questions/parse-query.ts'
import type { Question } from '../questions/question.ts'
import { QUESTIONS } from '../questions/questions.ts'
import { EXAMPLE_NOW_MS, exampleFacts } from './example-facts.ts'
import { refusals } from './responses.ts'

export interface QuestionOperations {
  /** By path. */
  readonly paths: Readonly<Record<string, { readonly get: object }>>
  /** Components that the answers refer to. */
  readonly schemas: object
}

export async function questionOperations(): Promise<QuestionOperations> {
  const { answers, schemas } = answerSchemas()
  const paths: [string, { readonly get: object }][] = []
  for (const question of QUESTIONS) {
    const content = { schema: answers[question.path], example: await exampleAnswer(question) }
    paths.push([`/api/v1/${question.path}`, { get: operation(question, content) }])
  }
  return { paths: Object.fromEntries(paths), schemas }
}

async function exampleAnswer(question: Question): Promise<unknown> {
  const answer = await question.run(exampleFacts(), parseQuery(question, question.example, EXAMPLE_NOW_MS))
  // Convert the example to JSON, as HTTP sends it.
  return JSON.parse(JSON.stringify(answer))
}

function operation(question: Question, content: object): object {
  const { summary, noAnswer } = question
  const { security, responses } = refusals({ scope: 'read', loaded: true, more: noAnswer === undefined ? [] : [404] })
  return {
    summary,
    security,
    parameters: parameterList(question),
    responses: { 200: { description: 'The answer', content: { 'application/json': content } }, ...responses },
  }
}

function parameterList(question: Question): object[] {
  return describeParameters(question).map(({ name, isRequired, json: { description, ...schema } }) => ({
    name,
    in: question.path.includes(`{${name}}`) ? 'path' : 'query',
    required: isRequired,
    description: `${description}.`,
    schema,
  }))
}

/** The schemas of all answers by the paths of their questions, and what they refer to. */
function answerSchemas(): { readonly answers: Readonly<Record<string, object>>; readonly schemas: object } {
  const all = z.strictObject(Object.fromEntries(QUESTIONS.map(({ path, answer }) => [path, answer])))
  const text = JSON.stringify(z.toJSONSchema(all)).replaceAll('"#/$defs/', '"#/components/schemas/')
  const { properties, $defs } = JSON.parse(text) as {
    readonly properties: Readonly<Record<string, object>>
    readonly $defs: Readonly<Record<string, object>>
  }
  return { answers: properties, schemas: $defs }
}
