/** The operations of /openapi.json that record attempts, as JSON, as lines and by OTLP. */

import { MAX_ITEMS } from '../receive/attempts.ts'
import { OTLP_SIGNALS, otlpPath } from '../server/paths.ts'
import { ref, refusals } from './responses.ts'

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
        properties: { index: { type: 'integer' }, errors: { type: 'array', items: ref('Fault') } },
      },
      description: 'With partial=true: what was not kept, and why. Of a stream the first 1,000.',
    },
    more_rejected: {
      type: 'integer',
      description: 'With partial=true: how many more lines of a stream were not kept.',
    },
  },
}

const LINES = {
  schema: {
    type: 'string',
    description:
      'NDJSON: one Attempt a line, at most 1 MiB each. The stream may have any length. A line is on disk within moments. A bad line ends the stream with a 400 that says how many lines are kept.',
  },
}

const CONTENT_ENCODING = {
  name: 'Content-Encoding',
  in: 'header',
  required: false,
  schema: { type: 'string', enum: ['gzip', 'identity'], default: 'identity' },
  description: 'How the body is compressed. Its limits hold before and after inflating.',
}

/** POST /api/v1/attempts. */
export function recordOperation(): object {
  const { security, responses } = refusals({ scope: 'ingest', body: true, loaded: true })
  return {
    summary: 'Record attempts: kept on disk before the answer',
    security,
    parameters: [
      {
        name: 'partial',
        in: 'query',
        schema: { type: 'boolean', default: false },
        description: 'Keep the good ones of a list, or of a stream of lines, that has bad ones.',
      },
      CONTENT_ENCODING,
    ],
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: { oneOf: [ref('Attempt'), { type: 'array', maxItems: MAX_ITEMS, items: ref('Attempt') }] },
        },
        'application/x-ndjson': LINES,
        'application/ndjson': LINES,
      },
    },
    responses: { 200: { description: 'Kept', content: { 'application/json': { schema: KEPT } } }, ...responses },
  }
}

const MESSAGES = { logs: 'Logs', traces: 'Trace', metrics: 'Metrics' } as const

function encodings(message: string): object {
  const description = `An ${message} of OTLP.`
  return {
    'application/x-protobuf': { schema: { type: 'string', format: 'binary', description } },
    'application/json': { schema: { type: 'object', description } },
  }
}

/** The paths of OTLP/HTTP. */
export function otlpPaths(): object {
  const { security, responses } = refusals({ scope: 'ingest', body: true, loaded: true, otlp: true })
  return Object.fromEntries(
    OTLP_SIGNALS.map(signal => {
      const service = `Export${MESSAGES[signal]}Service`
      const post = {
        summary: `Record the attempts among OTLP ${signal}: kept on disk before the answer`,
        security,
        parameters: [CONTENT_ENCODING],
        requestBody: { required: true, content: encodings(`${service}Request`) },
        responses: {
          200: {
            description: 'Taken; partial_success says what was rejected and why',
            content: encodings(`${service}Response`),
          },
          ...responses,
        },
      }
      return [otlpPath(signal), { post }]
    }),
  )
}
