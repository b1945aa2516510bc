/** GET /openapi.json: made from the very schemas that validate, so that it cannot drift from them. */
import { z } from 'zod'
import { parameters } from './query/parameters.ts'
import { attemptSchema } from './receive/attempt-schema.ts'

interface Question {
  readonly path: string
  readonly summary: string
  readonly schema: z.ZodType
  readonly example: unknown
}

const INTERVAL = { low: 64, high: 94.8, method: 'wilson' }
const RATE = { success_rate: 85, total_attempts: 20, success_rate_interval: INTERVAL }
const BEST = {
  agent_name: 'RefactoringAgent',
  model_name: 'claude-sonnet-4',
  ...RATE,
  avg_confidence: 0.82,
  avg_time_seconds: 2.1,
}

const QUESTIONS: readonly Question[] = [
  {
    path: '/api/v1/success-rate',
    summary: 'Success rate in percent: of one key when all three names are given, else by group',
    schema: parameters.successRate,
    example: RATE,
  },
  {
    path: '/api/v1/best-agent',
    summary: 'The best agent for an issue type; 404 when none has min_attempts',
    schema: parameters.bestAgent,
    example: BEST,
  },
  {
    path: '/api/v1/model-comparison',
    summary: 'Models compared over the keys with min_attempts each',
    schema: parameters.modelComparison,
    example: {
      'claude-sonnet-4': {
        avg_success_rate: 85,
        total_attempts: 20,
        success_rate_interval: INTERVAL,
        avg_confidence: 0.82,
        avg_time_seconds: 2.1,
        issue_types: ['complexity'],
      },
    },
  },
  {
    path: '/api/v1/fair-comparison',
    summary: 'Agents or models at the same mix of issue types, with the pairs whose order that turns over',
    schema: parameters.fairComparison,
    example: { strata: ['complexity'], rates: [], turned_over: [] },
  },
  {
    path: '/api/v1/trends',
    summary: 'Rate per interval, its direction, and what has drifted from its baseline',
    schema: parameters.trends,
    example: { interval_seconds: 3600, points: [], direction: 'cannot_tell_yet', drifted_keys: [], agents: {} },
  },
  {
    path: '/api/v1/calibration',
    summary: 'Whether stated confidence can be believed',
    schema: parameters.calibration,
    example: { group_by: 'agent_name', overall: { attempts: 20, brier_score: 0.15 }, groups: {} },
  },
  {
    path: '/api/v1/costs',
    summary: 'Cost per attempt and per success; how much of it is reported, computed, unknown',
    schema: parameters.costs,
    example: { overall: { total_attempts: 20, reported: 15, computed: 3, unpriced: 2, total_cost_usd: 0.4 } },
  },
  {
    path: '/api/v1/experiments/{name}',
    summary: 'What an A/B test says so far; may be asked after every attempt',
    schema: parameters.experiment,
    example: { experiment: 'prompt', variants: [], sample_ratio: null, comparisons: [] },
  },
  {
    path: '/api/v1/route',
    summary: 'To whom the next issue should go: a ranked list',
    schema: parameters.route,
    example: { issue_type: 'complexity', explore: false, seed: null, ranked: [], excluded: [] },
  },
  {
    path: '/api/v1/report',
    summary: 'The full report: summary, by agent, by issue type, by model, recommendations',
    schema: parameters.report,
    example: { generated_at: '2026-01-31T12:00:00.000Z', recommendations: { complexity: BEST } },
  },
  {
    path: '/api/v1/metrics',
    summary: 'The documented file: totals, averages and the last 100 attempts of every key',
    schema: parameters.metrics,
    example: { version: '1.0', last_updated: '2026-01-31T12:00:00.000Z', metrics: {} },
  },
  {
    path: '/api/v1/attempts',
    summary: 'Kept attempts, newest first; follow next_cursor for more',
    schema: parameters.attempts,
    example: { attempts: [], next_cursor: null },
  },
]

/** The OpenAPI 3.1 document. `version` is the product's. */
export function openApiDocument(version: string): object {
  const attempt = jsonSchema(attemptSchema)
  const paths = Object.fromEntries(QUESTIONS.map(question => [question.path, { get: askOperation(question) }]))
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
        properties: { index: { type: 'integer' }, pointer: { type: 'string' }, detail: { type: 'string' } },
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
      items: { type: 'object' },
      description: 'With partial=true: what was not kept, and why.',
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
      description: 'Keep the good ones of a list that has bad ones.',
    },
  ],
  requestBody: {
    required: true,
    content: {
      'application/json': {
        schema: { oneOf: [ref('Attempt'), { type: 'array', maxItems: 10_000, items: ref('Attempt') }] },
      },
      'application/x-ndjson': {
        schema: { type: 'string', description: 'One attempt a line, of any length, kept in groups as it comes.' },
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
  responses: { 200: { description: 'Forgotten' }, 401: problem, 403: problem, 503: problem },
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

function askOperation({ summary, schema, example, path }: Question): object {
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
