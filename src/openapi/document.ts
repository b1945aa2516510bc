/** GET /openapi.json: made from the very schemas that validate, and of answers as they are made, so that it cannot drift from them. */
import { z } from 'zod'
import { parameters } from '../questions/parameters.ts'
import { attemptSchema } from '../receive/attempt-schema.ts'
import { exampleAnswers } from './examples.ts'
import { otlpPaths, recordOperation } from './recording.ts'
import { FAULT_SCHEMAS, type OperationKind, RESPONSES, ref, refusals } from './responses.ts'

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
      description:
        'How well AI agents do: recording of attempts and questions about them. HEAD is answered wherever GET is. Another method of a path is a 405 with Allow, and another path a 404. Every answer is a problem (RFC 9457) where it is none of the documented ones.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths: {
      ...paths,
      '/api/v1/attempts': { post: recordOperation(), ...paths['/api/v1/attempts'] },
      '/api/v1/metrics': { ...paths['/api/v1/metrics'], delete: resetOperation() },
      ...otlpPaths(),
      '/metrics': {
        get: plain('The Prometheus scrape', 'text/plain; version=0.0.4; charset=utf-8', { scope: 'read', more: [503] }),
      },
      '/livez': { get: plain('200 while the process works, whatever the Host', 'application/json', OPEN) },
      '/readyz': { get: readyOperation() },
      '/openapi.json': { get: plain('This document', 'application/json', { scope: 'read' }) },
    },
    components: {
      schemas: { Attempt: attempt, ...FAULT_SCHEMAS },
      responses: RESPONSES,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'Asked for where the sidecar has an --auth-token-file. Scopes: ingest, read, admin.',
        },
      },
    },
  }
}

/** Health, which supervisors ask for without a token. */
const OPEN: OperationKind = { scope: undefined }

function resetOperation(): object {
  const { security, responses } = refusals({ scope: 'admin', more: [503] })
  return {
    summary: 'Forget every attempt; only on a sidecar started with --admin',
    security,
    responses: {
      200: { description: 'Forgotten', content: { 'application/json': { example: { reset: true } } } },
      ...responses,
    },
  }
}

const READINESS = {
  type: 'object',
  required: ['status'],
  properties: {
    status: { type: 'string', enum: ['ok', 'not ready'] },
    checks: {
      type: 'array',
      description: 'With ?verbose, and always in a 503.',
      items: {
        type: 'object',
        required: ['name', 'ok'],
        properties: { name: { type: 'string' }, ok: { type: 'boolean' }, detail: { type: 'string' } },
      },
    },
  },
}

const ATTEMPT_PAGE = {
  type: 'object',
  required: ['attempts', 'next_cursor'],
  properties: {
    attempts: { type: 'array', items: ref('Attempt') },
    next_cursor: { type: ['string', 'null'], description: 'The cursor of the next page; null where there is none.' },
    missing: {
      type: 'object',
      description: 'Present only where attempts that this page has passed are damaged or gone from the store.',
      required: ['records', 'segments', 'exact'],
      properties: {
        records: {
          type: 'integer',
          description: 'Attempts that cannot be read, whether or not they fit the question.',
        },
        segments: { type: 'integer', description: 'Files of the store that are gone or cut short.' },
        exact: { type: 'boolean', description: 'False where there may be more than `records`.' },
      },
    },
  },
}

function readyOperation(): object {
  const { security, responses } = refusals(OPEN)
  const content = { 'application/json': { schema: READINESS } }
  return {
    summary: '200 while attempts can be kept; 503 with the reason else; whatever the Host',
    security,
    parameters: [
      {
        name: 'verbose',
        in: 'query',
        allowEmptyValue: true,
        schema: { type: 'string' },
        description: 'Name every check.',
      },
    ],
    responses: {
      200: { description: 'Ready', content },
      503: { description: 'Not ready, and why', content },
      ...responses,
    },
  }
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
  const mayBeUnknown = /best-agent|experiments/.test(path)
  const { security, responses } = refusals({ scope: 'read', loaded: true, more: mayBeUnknown ? [404] : [] })
  return {
    summary,
    security,
    parameters: [...pathParameters(path), ...queryParameters(schema)],
    responses: {
      200: {
        description: 'The answer',
        content: { 'application/json': { example, ...(path === '/api/v1/attempts' && { schema: ATTEMPT_PAGE }) } },
      },
      ...responses,
    },
  }
}

function plain(summary: string, type: string, kind: OperationKind): object {
  const { security, responses } = refusals(kind)
  return {
    summary,
    security,
    responses: { 200: { description: 'The answer', content: { [type]: {} } }, ...responses },
  }
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
