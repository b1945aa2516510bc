/** The operations of /openapi.json that ask questions: parameters, answers and examples of the registry. */
import { z } from 'zod'
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
  // As HTTP sends it.
  return JSON.parse(JSON.stringify(answer))
}

function operation({ path, summary, parameters, noAnswer }: Question, content: object): object {
  const { security, responses } = refusals({ scope: 'read', loaded: true, more: noAnswer === undefined ? [] : [404] })
  return {
    summary,
    security,
    parameters: parameterList(path, parameters),
    responses: { 200: { description: 'The answer', content: { 'application/json': content } }, ...responses },
  }
}

function parameterList(path: string, schema: z.ZodType): object[] {
  const { properties, required } = jsonSchema(schema)
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: path.includes(`{${name}}`) ? 'path' : 'query',
    required: required.includes(name),
    description,
    schema: rest,
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

interface JsonObjectSchema {
  readonly properties: Readonly<Record<string, { readonly description?: string }>>
  readonly required: readonly string[]
}

function jsonSchema(schema: z.ZodType): JsonObjectSchema {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' }) as Partial<JsonObjectSchema>
  return { properties, required }
}
