/** The operations of /openapi.json that record attempts and outcomes, as JSON, as lines and by OTLP. */

import { MAX_ITEMS } from '../receive/rejected-items.ts'
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

const KEPT_OUTCOMES = {
  type: 'object',
  required: ['accepted', 'duplicates', 'unknown'],
  properties: {
    accepted: { type: 'integer', description: 'Outcomes that are on disk now and count.' },
    duplicates: {
      type: 'integer',
      description: 'Outcomes that state what the latest one of their source states already.',
    },
    unknown: {
      type: 'array',
      items: { type: 'string' },
      description:
        'The ids of outcomes whose attempt is not stored, or not any more, one for each outcome. Of a stream the first 1,000.',
    },
    more_unknown: { type: 'integer', description: 'How many more outcomes of a stream have an unknown id.' },
    rejected: KEPT.properties.rejected,
    more_rejected: KEPT.properties.more_rejected,
  },
}

const linesOf = (item: string): object => ({
  schema: {
    type: 'string',
    description: `NDJSON: one ${item} a line, at most 1 MiB each. The stream may have any length. A line is on disk within moments. A bad line ends the stream with a 400 that says how many lines are kept.`,
  },
})

const CONTENT_ENCODING = {
  name: 'Content-Encoding',
  in: 'header',
  required: false,
  schema: { type: 'string', enum: ['gzip', 'identity'], default: 'identity' },
  description: 'How the body is compressed. Its limits hold before and after inflating.',
}

/** POST /api/v1/attempts. */
export function recordOperation(): object {
  return itemsOperation('Record attempts: kept on disk before the answer', 'Attempt', KEPT)
}

/** POST /api/v1/outcomes. */
export function outcomesOperation(): object {
  return itemsOperation(
    'Record what became known of attempts later: kept on disk before the answer, and counted instead of what was reported',
    'Outcome',
    KEPT_OUTCOMES,
  )
}

function itemsOperation(summary: string, item: string, kept: object): object {
  const { security, responses } = refusals({ scope: 'ingest', body: true, loaded: true })
  return {
    summary,
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
          schema: { oneOf: [ref(item), { type: 'array', maxItems: MAX_ITEMS, items: ref(item) }] },
        },
        'application/x-ndjson': linesOf(item),
        'application/ndjson': linesOf(item),
      },
    },
    responses: { 200: { description: 'Kept', content: { 'application/json': { schema: kept } } }, ...responses },
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
