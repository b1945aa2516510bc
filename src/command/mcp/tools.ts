/** The tools of `mcp`: every question of the registry, and recording. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { NewAttempt } from '../../core/attempt/attempt.ts'
import { outcomeProblems } from '../../core/attempt/outcome.ts'
import { parseTimestamp } from '../../core/attempt/timestamp.ts'
import { attemptProblems } from '../../core/attempt/validation.ts'
import type { Outcome } from '../../core/fold.ts'
import { describeParameters } from '../../questions/parameter-json.ts'
import { parseQuery } from '../../questions/parse-query.ts'
import type { Question } from '../../questions/question.ts'
import type { QuestionPath } from '../../questions/questions.ts'
import * as registry from '../../questions/registry.ts'
import { attemptSchema } from '../../receive/attempt-schema.ts'
import { outcomeSchema } from '../../receive/outcome-schema.ts'
import { pendingAttempts } from '../pending-attempts.ts'
import type { Source } from '../source.ts'

/** A JSON Schema of an object, as a tool must have it. */
interface ObjectJsonSchema {
  readonly type: 'object'
  readonly [keyword: string]: unknown
}

export interface Tool {
  readonly name: string
  readonly description: string
  readonly inputSchema: ObjectJsonSchema
  readonly outputSchema: ObjectJsonSchema
  /** Whether it asks a source, or records there. */
  readonly use: 'ask' | 'record'
  /** Answers a call. Rejects with a RangeError that names each bad argument, with a {@link NoAnswer}, or as the source does. */
  call(given: Readonly<Record<string, unknown>>, openSource: OpenSource): Promise<object>
}

/** Opens a source for one call, and closes it afterwards. */
export type OpenSource = <Answer>(use: Tool['use'], work: (source: Source) => Promise<Answer>) => Promise<Answer>

/** There is no answer to a question. The message says why, in one sentence. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

/** All tools. The name of a question in the registry is the name of its tool, such as `best_agent`. */
export function createTools(): readonly Tool[] {
  const questions = Object.entries(registry).map(([name, question]) =>
    questionTool(snakeCase(name), question as Question<QuestionPath>),
  )
  return [...questions, recordTool(), outcomeTool()]
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

function questionTool(name: string, question: Question<QuestionPath>): Tool {
  const parameters = describeParameters(question)
  return {
    name,
    description: `${question.summary}.`,
    inputSchema: {
      type: 'object',
      properties: Object.fromEntries(parameters.map(({ name, json }) => [name, json])),
      required: parameters.filter(({ isRequired }) => isRequired).map(({ name }) => name),
      additionalProperties: false,
    },
    outputSchema: objectSchemaOf(question.answer, 'output'),
    use: 'ask',
    async call(given, openSource) {
      // Validated here too, so that a bad argument is named before anything is asked.
      const query = parseQuery(question, given, Date.now())
      return await openSource('ask', async source => {
        const answer = await source.ask(question.path, given as never)
        if (answer !== undefined) return answer as object
        const reason = question.noAnswer?.(query) ?? 'there is no answer to this question'
        const pending = await pendingAttempts(source, given)
        throw new NoAnswer(pending === undefined ? reason : `${reason}. ${pending}`)
      })
    },
  }
}

const recorded = z.strictObject({
  attempt_id: z
    .string()
    .meta({ description: 'The id under which the attempt counts once. To record it again changes nothing.' }),
  accepted: z.int().min(0).meta({ description: '1 if the attempt counts now.' }),
  duplicates: z.int().min(0).meta({ description: '1 if the id was known already.' }),
})

function recordTool(): Tool {
  return {
    name: 'record_attempt',
    description: 'Records one attempt of an agent at an issue. It is kept on disk before the answer, and counts once.',
    inputSchema: objectSchemaOf(attemptSchema, 'input'),
    outputSchema: objectSchemaOf(recorded, 'output'),
    use: 'record',
    async call(given, openSource) {
      // With an id, sending it again after a lost answer counts it once. The answer has it, because an outcome refers to it.
      const attempt = { attempt_id: randomUUID(), ...given } as NewAttempt & { readonly attempt_id: string }
      const problems = attemptProblems(attempt, text => parseTimestamp(text) !== undefined)
      if (problems.length > 0) {
        throw new RangeError(problems.map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}`.trim()).join('; '))
      }
      const { accepted, duplicates } = await openSource('record', source => source.record([attempt]))
      return { attempt_id: attempt.attempt_id, accepted, duplicates }
    },
  }
}

const recordedOutcome = z.strictObject({
  accepted: z.int().min(0).meta({ description: '1 if the outcome counts now.' }),
  duplicates: z.int().min(0).meta({ description: '1 if the same outcome was recorded before.' }),
})

function outcomeTool(): Tool {
  return {
    name: 'record_outcome',
    description:
      'Records how a recorded attempt turned out, as CI, a review or production found later. It is kept on disk before the answer.',
    inputSchema: objectSchemaOf(outcomeSchema, 'input'),
    outputSchema: objectSchemaOf(recordedOutcome, 'output'),
    use: 'record',
    async call(given, openSource) {
      const problems = outcomeProblems(given, text => parseTimestamp(text) !== undefined)
      if (problems.length > 0)
        throw new RangeError(problems.map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}`.trim()).join('; '))
      const outcome = given as unknown as Outcome
      const recorded = await openSource('record', source => source.recordOutcomes([outcome]))
      if (recorded.unknown.length > 0)
        throw new NoAnswer(`no stored attempt has the attempt_id ${JSON.stringify(outcome.attempt_id)}`)
      return { accepted: recorded.accepted, duplicates: recorded.duplicates }
    },
  }
}

/**
 * A schema whose root is an object, as the protocol demands: not a reference to one, and also where it is one of several objects. Models do
 * not follow references reliably.
 */
function objectSchemaOf(schema: z.ZodType, io: 'input' | 'output'): ObjectJsonSchema {
  const { $schema: _, $ref, $defs = {}, ...json } = z.toJSONSchema(schema, { io })
  const root = $ref?.slice('#/$defs/'.length) ?? ''
  const { [root]: named, ...others } = $defs
  const { id: __, ...inlined } = { ...named }
  return { ...inlined, ...json, ...(Object.keys(others).length > 0 && { $defs: others }), type: 'object' }
}
