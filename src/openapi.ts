/** GET /openapi.json: made from the very schemas that validate, and of answers as they are made, so that it cannot drift from them. */
import { z } from 'zod'
import { exampleAnswers } from './openapi-examples.ts'
import { parameters } from './query/parameters.ts'
import { attemptSchema } from './receive/attempt-schema.ts'

interface Question {
  readonly path: string
  readonly summary: string
  readonly schema: z.ZodType
}

const QUESTIONS: readonly Question[] = [
  {
    path: '/api/v1/success-rate',
    summary: 'Success rate in percent: of one key when all three names are given, else by group',
    schema: parameters.successRate,
  },
  {
    path: '/api/v1/best-agent',
    summary: 'The best agent for an issue type; 404 when none has min_attempts',
    schema: parameters.bestAgent,
  },
  {
    path: '/api/v1/model-comparison',
    summary: 'Models compared over the keys with min_attempts each',
    schema: parameters.modelComparison,
  },
  {
    path: '/api/v1/fair-comparison',
    summary: 'Agents or models at the same mix of issue types: who leads, and the pairs whose order that turns over',
    schema: parameters.fairComparison,
  },
  {
    path: '/api/v1/trends',
    summary: 'Rate per interval, its direction, and what has drifted from its baseline as at the end of the range',
    schema: parameters.trends,
  },
  {
    path: '/api/v1/calibration',
    summary: 'Whether stated confidence can be believed',
    schema: parameters.calibration,
  },
  {
    path: '/api/v1/costs',
    summary: 'Cost per attempt and per success; how much of it is reported, computed, unknown',
    schema: parameters.costs,
  },
  {
    path: '/api/v1/experiments/{name}',
    summary: 'What an A/B test says so far; may be asked after every attempt',
    schema: parameters.experiment,
  },
  {
    path: '/api/v1/route',
    summary: 'To whom the next issue should go: a ranked list',
    schema: parameters.route,
  },
  {
    path: '/api/v1/report',
    summary: 'The full report: summary, by agent, by issue type, by model, recommendations',
    schema: parameters.report,
  },
  {
    path: '/api/v1/metrics',
    summary: 'The documented file: totals, averages and the last 100 attempts of every key',
    schema: parameters.metrics,
  },
  {
    path: '/api/v1/attempts',
    summary: 'Kept attempts, newest first; follow next_cursor for more',
    schema: parameters.attempts,
  },
]

/** The OpenAPI 3.1 document. `version` is the product's. */
export function openApiDocument(version: string): object {
  const attempt = jsonSchema(attemptSchema)
  const examples = exampleAnswers()
  const paths = Object.fromEntries(
    QUESTIONS.map(question => [question.path, { get: askOperation(question, examples[question.path]) }]),
  )
  return {
    openapi: '3.1.0',
    info: {
      title: 'agent-performance',
      version,
      description: 'How well AI agents do: recording of attempts and questions about them.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths: {
      ...paths,
      '/api/v1/attempts': { post: RECORD, ...paths['/api/v1/attempts'] },
      '/api/v1/metrics': { ...paths['/api/v1/metrics'], delete: RESET },
      '/metrics': { get: plain('The Prometheus scrape', 'text/plain; version=0.0.4; charset=utf-8') },
      '/livez': { get: plain('200 while the process works', 'application/json') },
      '/readyz': { get: plain('200 while attempts can be kept; 503 with the reason else', 'application/json') },
      '/openapi.json': { get: plain('This document', 'application/json') },
    },
    components: {
      schemas: { Attempt: attempt, Problem: PROBLEM },
      responses: {
        Problem: {
          description: 'What is wrong, and where',
          content: { 'application/problem+json': { schema: ref('Problem') } },
        },
      },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
    security: [{}, { bearer: [] }],
  }
}

const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` })
const problem = { $ref: '#/components/responses/Problem' }

const FAULT = {
  type: 'object',
  required: ['pointer', 'detail'],
  properties: { pointer: { type: 'string' }, detail: { type: 'string' } },
}

const PROBLEM = {
  type: 'object',
  description: 'RFC 9457 problem details',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['index', 'pointer', 'detail'],
        properties: { index: { type: 'integer' }, ...FAULT.properties },
      },
    },
    parameters: {
      type: 'array',
      description: 'The faults of a question.',
      items: {
        type: 'object',
        required: ['name', 'detail'],
        properties: { name: { type: 'string' }, detail: { type: 'string' } },
      },
    },
  },
}

const KEPT = {
  type: 'object',
  required: ['accepted', 'duplicates'],
  properties: {
    accepted: { type: 'integer', description: 'Attempts that are on disk now and will be counted exactly once.' },
    duplicates: { type: 'integer', description: 'Attempts whose id was known already.' },
    rejected: {
      type: 'array',
      items: {
        type: 'object',
        required: ['index', 'errors'],
        properties: { index: { type: 'integer' }, errors: { type: 'array', items: FAULT } },
      },
      description: 'With partial=true: what was not kept, and why. Of a stream the first 1,000.',
    },
    more_rejected: {
      type: 'integer',
      description: 'With partial=true: how many more lines of a stream were not kept.',
    },
  },
}

const RECORD = {
  summary: 'Record attempts: kept on disk before the answer',
  parameters: [
    {
      name: 'partial',
      in: 'query',
      schema: { type: 'boolean', default: false },
      description: 'Keep the good ones of a list, or of a stream of lines, that has bad ones.',
    },
  ],
  requestBody: {
    required: true,
    content: {
      'application/json': {
        schema: { oneOf: [ref('Attempt'), { type: 'array', maxItems: 10_000, items: ref('Attempt') }] },
      },
      'application/x-ndjson': {
        schema: {
          type: 'string',
          description:
            'One attempt a line, at most 1 MiB each; the stream may have any length. A line is on disk within moments.',
        },
      },
    },
  },
  responses: {
    200: { description: 'Kept', content: { 'application/json': { schema: KEPT } } },
    ...Object.fromEntries([400, 401, 403, 408, 413, 415, 421, 429, 503].map(status => [status, problem])),
  },
}

const RESET = {
  summary: 'Forget every attempt; only on a sidecar started with --admin',
  responses: {
    200: { description: 'Forgotten', content: { 'application/json': { example: { reset: true } } } },
    400: problem,
    401: problem,
    403: problem,
    421: problem,
    503: problem,
  },
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters(schema: z.ZodType): object[] {
  const { properties = {}, required = [] } = jsonSchema(schema) as {
    properties?: Record<string, { description?: string }>
    required?: string[]
  }
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    description,
    schema: rest,
  }))
}

function askOperation({ summary, schema, path }: Question, example: unknown): object {
  return {
    summary,
    parameters: [...pathParameters(path), ...queryParameters(schema)],
    responses: {
      200: { description: 'The answer', content: { 'application/json': { example } } },
      400: problem,
      401: problem,
      403: problem,
      ...(/best-agent|experiments/.test(path) && { 404: problem }),
      421: problem,
    },
  }
}

function plain(summary: string, type: string): object {
  return { summary, responses: { 200: { description: 'The answer', content: { [type]: {} } } } }
}

function jsonSchema(schema: z.ZodType): object {
  const {
    $schema: _,
    $defs,
    ...rest
  } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>
  const defined = Object.values(($defs ?? {}) as Record<string, object>)
  return defined[0] ?? rest
}
