/** GET /openapi.json: derived from the schemas that validate requests and from the registry of questions. */
import { z } from 'zod'
import { attemptSchema } from '../receive/attempt-schema.ts'
import { planSchema } from '../receive/experiment-plan.ts'
import { outcomeSchema } from '../receive/outcome-schema.ts'
import { OUTCOMES, STREAM } from '../server/paths.ts'
import { questionOperations } from './questions.ts'
import { otlpPaths, outcomesOperation, recordOperation } from './recording.ts'
import { FAULT_SCHEMAS, type OperationKind, RESPONSES, ref, refusals } from './responses.ts'
import { streamOperation } from './stream.ts'

/** The OpenAPI 3.1 document. `version` is the product's. */
export async function openApiDocument(version: string): Promise<object> {
  const { paths, schemas } = await questionOperations()
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
      [OUTCOMES]: { post: outcomesOperation() },
      [EXPERIMENT]: { ...paths[EXPERIMENT], put: planOperation() },
      '/api/v1/metrics': { ...paths['/api/v1/metrics'], delete: resetOperation() },
      [STREAM]: { get: streamOperation() },
      ...otlpPaths(),
      '/metrics': {
        get: plain('The Prometheus scrape', 'text/plain; version=0.0.4; charset=utf-8', { scope: 'read', more: [503] }),
      },
      '/livez': { get: plain('200 while the process works, whatever the Host', 'application/json', OPEN) },
      '/readyz': { get: readyOperation() },
      '/openapi.json': { get: plain('This document', 'application/json', { scope: 'read' }) },
    },
    components: {
      schemas: {
        Attempt: componentOf(attemptSchema),
        Outcome: componentOf(outcomeSchema),
        ExperimentPlan: componentOf(planSchema),
        ...schemas,
        ...FAULT_SCHEMAS,
      },
      responses: RESPONSES,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'Required if the sidecar has an --auth-token-file. Scopes: ingest, read, admin.',
        },
      },
    },
  }
}

/** Health checks, which need no token. */
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

const EXPERIMENT = '/api/v1/experiments/{name}'

function planOperation(): object {
  const { security, responses } = refusals({ scope: 'admin', body: true, loaded: true, more: [409] })
  const example = { shares: { control: 90, canary: 10 }, baseline: 'control', end: null }
  return {
    summary:
      'State the intended shares, the baseline and the end of an experiment; only on a sidecar started with --admin',
    security,
    parameters: [
      {
        name: 'name',
        in: 'path',
        required: true,
        schema: { type: 'string' },
        description: 'The "experiment" of its attempts.',
      },
    ],
    requestBody: { required: true, content: { 'application/json': { schema: ref('ExperimentPlan'), example } } },
    responses: {
      200: {
        description: 'Stored',
        content: {
          'application/json': { schema: ref('ExperimentPlan'), example: { experiment: 'prompt', ...example } },
        },
      },
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

function plain(summary: string, type: string, kind: OperationKind): object {
  const { security, responses } = refusals(kind)
  return {
    summary,
    security,
    responses: { 200: { description: 'The answer', content: { [type]: {} } }, ...responses },
  }
}

function componentOf(described: z.ZodType): object {
  const {
    $schema: _,
    $defs,
    ...rest
  } = z.toJSONSchema(described, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>
  const defined = Object.values(($defs ?? {}) as Record<string, object>)
  return defined[0] ?? rest
}
