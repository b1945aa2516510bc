/**
 * Makes a small fixture of what a sender sent: one request with the attributes that rules read and a few that identify a span. Texts of
 * prompts and answers, names of hosts and processes, and messages of errors are left out.
 */
import { attributesRead } from '../../docs/otlp-attributes.ts'
import type { Request } from './capture.ts'

const ROOTS = {
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
} as const

type Json = Record<string, unknown>
interface Group {
  readonly scope: Json
  readonly records: Json[]
}

interface Attribute {
  readonly key: string
  readonly value: Json
}

/** All records of some requests as one request, in the order in which they came. */
export function reduce(signal: 'logs' | 'traces', requests: readonly Request[], service: string): Json {
  const [resources, scopes, records]: readonly [string, string, string] = ROOTS[signal]
  const groups = new Map<string, Group>()
  for (const request of requests) {
    for (const resource of listOf(request[resources])) {
      for (const { scope, [records]: sent } of listOf(resource[scopes])) {
        const { name = '', version } = (scope ?? {}) as Json
        const own = { name, ...(version !== undefined && version !== '' && { version }) }
        const group: Group = groups.get(JSON.stringify(own)) ?? { scope: own, records: [] }
        groups.set(JSON.stringify(own), group)
        group.records.push(...listOf(sent).map(signal === 'traces' ? reduceSpan : reduceLogRecord))
      }
    }
  }
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: service } }] }
  const held = Array.from(groups.values(), ({ scope, records: kept }) => ({ scope, [records]: kept }))
  return { [resources]: [{ resource, [scopes]: held }] }
}

const listOf = (value: unknown): Json[] => (value as Json[] | undefined) ?? []

function reduceSpan(span: Json): Json {
  const { traceId, spanId, parentSpanId, name, kind, startTimeUnixNano, endTimeUnixNano, attributes, events, status } =
    span
  const exceptions = listOf(events).filter(event => event.name === 'exception')
  const code = (status as Json | undefined)?.code
  return {
    traceId,
    spanId,
    ...(parentSpanId !== undefined && parentSpanId !== '' && { parentSpanId }),
    name,
    kind,
    startTimeUnixNano: String(startTimeUnixNano),
    endTimeUnixNano: String(endTimeUnixNano),
    attributes: reduceAttributes(attributes),
    ...(exceptions.length > 0 && {
      events: exceptions.map(event => ({ name: event.name, attributes: reduceAttributes(event.attributes) })),
    }),
    ...(code !== undefined && { status: { code } }),
  }
}

function reduceLogRecord(record: Json): Json {
  const { timeUnixNano, observedTimeUnixNano, eventName, traceId, spanId, attributes } = record
  const kept = { timeUnixNano, observedTimeUnixNano, eventName, traceId, spanId, body: eventBody(record) }
  const stated = Object.entries(kept).filter(([, value]) => value !== undefined && value !== '')
  return { ...Object.fromEntries(stated), attributes: reduceAttributes(attributes) }
}

/** A body that is the full name of the event, as Claude Code writes it. Any other body is text of a prompt or a log line. */
function eventBody({ body, attributes }: Json): Json | undefined {
  const text = (body as Json | undefined)?.stringValue
  const name = (listOf(attributes) as unknown as Attribute[]).find(({ key }) => key === 'event.name')?.value.stringValue
  return typeof text === 'string' && typeof name === 'string' && text.endsWith(`.${name}`)
    ? { stringValue: text }
    : undefined
}

const READ: ReadonlySet<string> = new Set([...attributesRead('traces'), ...attributesRead('logs'), 'exception.type'])
const IDENTIFYING =
  /^gen_ai\.(?:operation\.name|provider\.name|system|request\.model|response\.(?:model|finish_reasons))$/
const PERSONAL = /session|conversation|user|email|host|path/
const MAX_TEXT = 120

function reduceAttributes(attributes: unknown): Attribute[] {
  return (listOf(attributes) as unknown as Attribute[]).flatMap(({ key, value }) => {
    if (!READ.has(key) && !IDENTIFYING.test(key)) return []
    const text = value.stringValue
    if (typeof text !== 'string') return [{ key, value }]
    if (PERSONAL.test(key)) return [{ key, value: { stringValue: 'x' } }]
    return text.length > MAX_TEXT ? [] : [{ key, value }]
  })
}

/** A fixture as a text with a record per line, so that a change of one is a change of its line. */
export function print(fixture: Json): string {
  return `${JSON.stringify(fixture).replaceAll('},{"traceId"', '},\n{"traceId"').replaceAll('},{"timeUnixNano"', '},\n{"timeUnixNano"')}\n`
}
