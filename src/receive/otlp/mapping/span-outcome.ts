/** How a span ended. */
import { attributeOf } from '../scalar.ts'
import type { TelemetryRecord } from '../telemetry-record.ts'
import type { Lookup } from './attribute-lookup.ts'

/** `interrupted` waits for a person, `aborted` was given up from outside or has not finished: neither is a success or a failure. */
export type SpanOutcome = 'success' | 'failure' | 'interrupted' | 'aborted'

/** What lets a graph wait for a person. LangGraph raises these; the exception event adds the module. */
const INTERRUPTS: ReadonlySet<unknown> = new Set(
  ['GraphInterrupt', 'NodeInterrupt', 'GraphBubbleUp'].flatMap(name => [name, `langgraph.errors.${name}`]),
)

/** Work that its caller gave up: Python's and JavaScript's names. A timeout is not among them: it is a failure. */
const ABORTS: ReadonlySet<unknown> = new Set([
  'AbortError',
  'CancelledError',
  'asyncio.CancelledError',
  'asyncio.exceptions.CancelledError',
  'GeneratorExit',
  'builtins.GeneratorExit',
])
const ABORTED_REASONS = /^(?:abort|aborted|cancelled|canceled)$/

/** Whether an error type says that work was interrupted or aborted, which is neither a success nor a failure. */
export const isUndecided = (errorType: unknown): boolean => INTERRUPTS.has(errorType) || ABORTS.has(errorType)

/** The scopes of the Vercel AI SDK, which states why each finished run finished: a run without a reason is an aborted stream. */
const SCOPES_WITH_REASONS: ReadonlySet<unknown> = new Set(['ai', 'gen_ai'])

/** Reads the error type of a span, and how it ended. */
export interface SpanEnd {
  readonly errorType: Lookup
  outcome(record: TelemetryRecord): SpanOutcome
}

/** Creates the lookups. `attribute` finds an attribute by its name. */
export function createSpanEnd(attribute: (name: string) => Lookup): SpanEnd {
  const stated = attribute('error.type')
  const reasons = attribute('gen_ai.response.finish_reasons')
  const reasonOfAiSdk = attribute('ai.response.finishReason')

  /** The attribute, else the type of the last recorded exception of a failed span. A span may handle an exception and succeed. */
  function errorType(record: TelemetryRecord): unknown {
    const type = stated(record)
    if ((type !== undefined && type !== '') || !record.hasEvents || !isError(record)) return type
    const exception = record.whole.events?.findLast(event => event.name === 'exception')
    return attributeOf(exception?.attributes, 'exception.type')
  }

  function outcome(record: TelemetryRecord): SpanOutcome {
    const type = errorType(record)
    if (INTERRUPTS.has(type)) return 'interrupted'
    if (ABORTS.has(type) || record.time === 0n) return 'aborted'
    if (isError(record) || (type !== undefined && type !== '')) return 'failure'
    const reason = lastReason(reasons(record)) ?? lastReason(reasonOfAiSdk(record))
    if (reason === undefined) return SCOPES_WITH_REASONS.has(record.origin.scope) ? 'aborted' : 'success'
    return ABORTED_REASONS.test(reason) ? 'aborted' : reason === 'error' ? 'failure' : 'success'
  }

  return { errorType, outcome }
}

function isError({ status }: TelemetryRecord): boolean {
  return status === 2 || status === 'STATUS_CODE_ERROR'
}

/** The reason of the last model call. It is a list, or the JSON of one. */
function lastReason(value: unknown): string | undefined {
  const last: unknown = Array.isArray(value) ? value.at(-1) : value
  return last === undefined || last === '' ? undefined : /(\w+)"?\s*\]?$/.exec(String(last))?.[1]
}
