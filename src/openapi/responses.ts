/** The error responses of /openapi.json: the statuses of each operation, and their format. */
import type { Scope } from '../server/access.ts'

export const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` })

/** Statuses of every request: malformed HTTP, or a request from a page of another site. */
const ALWAYS = [400, 403, 408, 431, 501, 505]
/** Statuses of requests that need a token, if tokens are configured, and an allowed Host. */
const GUARDED = [401, 421]
/** Statuses of a request under load or after a time-out. */
const LOADED = [429, 503]
/** Statuses of a request with a body. */
const WITH_BODY = [413, 415]

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'The request breaks a rule, which is named with its place',
  401: 'No bearer token, or one that is not known; asked for where the sidecar has an --auth-token-file',
  403: 'The token lacks the scope, or a page of an Origin that is not listed asks',
  404: 'Nothing is known of what was asked about',
  408: 'The headers, or the next bytes of the body, did not come in time',
  409: 'As many plans are stored as the settings allow',
  413: 'The body is too large, before or after inflating, or holds too many attempts',
  415: 'The Content-Type, charset or Content-Encoding is not taken',
  421: 'The Host is a name that is not listed with --allow-host',
  429: 'Too much is in flight: send it again after Retry-After',
  431: 'The request line and the headers are too large',
  501: 'The method or the Transfer-Encoding is not known',
  503: 'The store cannot be used, or the sidecar is shutting down: send it again after Retry-After',
  505: 'The request is not HTTP/1.1 or HTTP/1.0',
}

const RETRY_AFTER = { 'Retry-After': { required: true, ...header('Seconds to wait, 1 or more.', 'integer') } }
const CHALLENGE = { 'WWW-Authenticate': { required: true, ...header('The scheme: Bearer.', 'string') } }

function header(description: string, type: string): object {
  return { description, schema: { type } }
}

function problemResponse(status: number, content: object): object {
  const headers = LOADED.includes(status) ? RETRY_AFTER : status === 401 ? CHALLENGE : undefined
  return { description: DESCRIPTIONS[status], ...(headers && { headers }), content }
}

const PROBLEM_CONTENT = { 'application/problem+json': { schema: ref('Problem') } }
/** Errors of OTLP have the encoding of the request. Errors before its path is known are problem+json, as everywhere else. */
const STATUS_CONTENT = {
  'application/x-protobuf': { schema: { type: 'string', format: 'binary', description: 'A google.rpc.Status.' } },
  'application/json': { schema: ref('Status') },
}

const allStatuses = Object.keys(DESCRIPTIONS).map(Number)

/** Components that {@link responses} refers to. */
export const RESPONSES: object = Object.fromEntries(
  allStatuses.flatMap(status => [
    [`Problem${status}`, problemResponse(status, PROBLEM_CONTENT)],
    [
      `Status${status}`,
      problemResponse(status, { ...STATUS_CONTENT, ...(ALWAYS.includes(status) && PROBLEM_CONTENT) }),
    ],
  ]),
)

/** The properties of an operation that determine its error responses. */
export interface OperationKind {
  /** The required scope of a token. Undefined for health checks, which need no token and accept any Host. */
  readonly scope: Scope | undefined
  readonly body?: boolean
  /** Whether it can be refused because of load or of the store. */
  readonly loaded?: boolean
  /** Whether its errors are a google.rpc.Status. */
  readonly otlp?: boolean
  /** Further statuses. */
  readonly more?: readonly number[]
}

/** The error responses of an operation by status, and its security requirement. */
export function refusals({ scope, body, loaded, otlp, more = [] }: OperationKind): {
  readonly security: readonly object[]
  readonly responses: object
} {
  const statuses = [
    ...ALWAYS,
    ...(scope === undefined ? [] : GUARDED),
    ...(body === true ? WITH_BODY : []),
    ...(loaded === true ? LOADED : []),
    ...more,
  ]
  const name = otlp === true ? 'Status' : 'Problem'
  return {
    // OpenAPI allows roles for any scheme since 3.1. The empty requirement means that without an --auth-token-file no token is needed.
    security: scope === undefined ? [] : [{}, { bearer: [scope] }],
    responses: Object.fromEntries(
      statuses.map(status => [status, { $ref: `#/components/responses/${name}${status}` }]),
    ),
  }
}

const FAULT = {
  type: 'object',
  required: ['pointer', 'detail'],
  properties: {
    pointer: { type: 'string', description: 'Where in the attempt (RFC 6901).' },
    detail: { type: 'string' },
  },
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
      description: 'The faults of a query string.',
      items: {
        type: 'object',
        required: ['name', 'detail'],
        properties: { name: { type: 'string' }, detail: { type: 'string' } },
      },
    },
    ...Object.fromEntries(
      ['accepted', 'duplicates', 'kept_lines'].map(name => [
        name,
        { type: 'integer', description: 'Of a stream of lines: what was kept before the fault.' },
      ]),
    ),
  },
}

const STATUS = {
  type: 'object',
  description: 'A google.rpc.Status, as OTLP demands it.',
  required: ['code', 'message'],
  properties: { code: { type: 'integer', description: 'A google.rpc.Code.' }, message: { type: 'string' } },
}

/** Schemas of error responses. */
export const FAULT_SCHEMAS: object = { Problem: PROBLEM, Status: STATUS, Fault: FAULT }
