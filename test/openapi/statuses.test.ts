/** Every operation of /openapi.json declares what is really sent: each status, its media type and its headers. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApiDocument } from '../../src/openapi/document.ts'
import { ATTEMPTS, OUTCOMES, STREAM } from '../../src/server/paths.ts'
import { askRaw, type RawAnswer } from '../support/raw.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

interface Declared {
  readonly headers?: Readonly<Record<string, { readonly required: boolean }>>
  readonly content: object
}
interface Operation {
  readonly security: readonly Readonly<Record<string, readonly string[]>>[]
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[]
  readonly responses: Readonly<Record<string, Declared | { readonly $ref: string }>>
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly responses: Readonly<Record<string, Declared>> }
}

const document = (await openApiDocument('1')) as Document
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
)

function declaredOf(operation: Operation, status: number): Declared | undefined {
  const response = operation.responses[status]
  if (response === undefined || !('$ref' in response)) return response
  return document.components.responses[response.$ref.replace('#/components/responses/', '')]
}

/**
 * Statuses that take more than one request: as many scrapes, or questions, at once as may be; attempts in OTLP that the store refuses; as many
 * plans of experiments as may be. The response of a stream does not end: test/page/stream covers its 200 and its 503.
 */
const NOT_TRIED: readonly (readonly [RegExp, number])[] = [
  [/^GET \/metrics$/, 503],
  [/^GET \/api\/v1\//, 429],
  [/^POST \/v1\//, 503],
  [/^PUT /, 409],
  [/^GET \/api\/v1\/stream$/, 200],
  [/^GET \/api\/v1\/stream$/, 503],
]

let guarded: TestSidecar
let full: TestSidecar
let broken: TestSidecar
const folder = temporaryFolder()
beforeAll(async () => {
  const tokens = join((await folder).path, 'tokens')
  await writeFile(tokens, 'all\ningest-only ingest\nread-only read\n')
  const limits = { 'max-body-bytes': '1KiB', 'max-otlp-body-bytes': '1KiB', 'headers-timeout': '300ms' }
  guarded = await testSidecar({ 'auth-token-file': tokens, admin: true, ...limits })
  full = await testSidecar({ 'max-in-flight-bytes': '1', admin: true })
  broken = await testSidecar({ admin: true })
  await broken.sidecar.tracker.close()
})
afterAll(async () => {
  for (const one of [guarded, full, broken, await folder]) await one[Symbol.asyncDispose]()
})

/** The head of a good request, without the empty line that ends it. */
function headOf(path: string, method: string, { token = 'all', host = 'localhost' } = {}): string {
  const required = document.paths[path]?.get?.parameters?.filter(one => one.in === 'query' && one.required) ?? []
  const target = path.replace('{name}', 'prompt') + required.map(({ name }) => `?${name}=i`).join('')
  const authorization = token === '' ? '' : `Authorization: Bearer ${token}\r\n`
  return `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${authorization}`
}

function withBody(head: string, body: string, type = 'application/json'): string {
  return `${head}Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** The bodies of good requests, where they need one. */
const BODIES: ReadonlyMap<string, string> = new Map([
  [ATTEMPTS, JSON.stringify(anAttempt())],
  [OUTCOMES, JSON.stringify({ attempt_id: '1', success: true, source: 'ci' })],
])

/** One request for each way in which an operation can answer. */
function requestsTo(path: string, method: string): [TestSidecar, string][] {
  const head = headOf(path, method)
  const hasBody = method === 'POST' || method === 'PUT'
  const target = / (\S+) HTTP/.exec(head)![1]!
  const body = BODIES.get(path) ?? '{}'
  const end = (text: string): string => (hasBody ? withBody(text, body) : `${text}\r\n`)
  const common: [TestSidecar, string][] = [
    end(head),
    end(head.replace(target, `${target}${target.includes('?') ? '&' : '?'}x=%ff`)),
    end(headOf(path, method, { token: '' })),
    end(headOf(path, method, { token: 'wrong' })),
    end(headOf(path, method, { token: hasBody ? 'read-only' : 'ingest-only' })),
    end(headOf(path, method, { host: 'evil.example' })),
    end(`${head}Origin: https://evil.example\r\n`),
    end(`${head}Host: second\r\n`),
    end(`${head}X: ${'x'.repeat(20_000)}\r\n`),
    end(head.replace('HTTP/1.1', 'HTTP/2.0')),
    end(head.replace('HTTP/1.1', 'HTTP/1.2')),
    `${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    end(head.replace(method, 'FOO')),
    head,
  ].map(bytes => [guarded, bytes])
  const absent = head.replace('prompt', 'none').replace('issue_type=i', 'issue_type=none')
  if (absent !== head && !hasBody) common.push([guarded, `${absent}\r\n`])
  if (path === STREAM) return common.filter(([, bytes]) => bytes !== end(head))
  common.push([broken, end(head)])
  if (!hasBody) return common
  const refused = [withBody(head, 'x'.repeat(2000)), withBody(head, body, 'text/plain'), withBody(head, '{')]
  return [...common, ...refused.map((bytes): [TestSidecar, string] => [guarded, bytes]), [full, end(head)]]
}

function expectDeclared(operation: Operation, { status, head, body }: RawAnswer): void {
  const declared = declaredOf(operation, status)
  expect(declared, `${status} ${body}`).toBeDefined()
  const type = /^Content-Type: (.*)$/m.exec(head)?.[1]
  expect(Object.keys(declared!.content), `${status} ${body}`).toContain(type)
  for (const name of Object.keys(declared!.headers ?? {})) expect(head).toMatch(new RegExp(`^${name}: .`, 'm'))
  if (/^Retry-After:/m.test(head)) expect(Object.keys(declared!.headers ?? {})).toContain('Retry-After')
}

test.each(operations)(
  '$method $path declares every status it answers with, and no other',
  async ({ path, method, operation }) => {
    const both = ['x', 'y'].flatMap(variant => [anAttempt({ experiment: 'prompt', variant })])
    const many = Array.from({ length: 5 }, () => anAttempt())
    for (const attempt of [...both, ...many])
      expect((await guarded.post(attempt, { headers: { Authorization: 'Bearer all' } })).status).toBe(200)
    const seen = new Set<number>()
    const answers = await Promise.all(requestsTo(path, method).map(([to, bytes]) => askRaw(to.url, bytes)))
    for (const answer of answers) {
      expectDeclared(operation, answer)
      seen.add(answer.status)
    }
    const untried = NOT_TRIED.filter(([where]) => where.test(`${method} ${path}`)).map(([, status]) => status)
    const declared = Object.keys(operation.responses)
      .map(Number)
      .filter(status => !untried.includes(status))
    expect([...seen].toSorted((a, b) => a - b)).toEqual(declared)
  },
)

test('every operation says which scope a token needs, and health needs none', () => {
  const scopes = operations.map(({ path, method, operation }) => [
    `${method} ${path}`,
    operation.security.length === 0 ? undefined : operation.security.find(one => one.bearer !== undefined)?.bearer,
  ])
  for (const [operation, scope] of scopes) {
    const expected = /livez|readyz/.test(String(operation))
      ? undefined
      : [/^POST/.test(String(operation)) ? 'ingest' : /^(DELETE|PUT)/.test(String(operation)) ? 'admin' : 'read']
    expect(scope, String(operation)).toEqual(expected)
  }
})
