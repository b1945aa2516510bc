/** A request -> the attempts in it, what was meant as one and is not, and how much else there was. */
import type { NewAttempt } from '../../core/attempt.ts'
import type { Instant } from '../../core/timestamp.ts'
import { type ReadyRule, readyRule } from './attempt.ts'
import type { OtlpMapping, OtlpRule, OtlpSource } from './mapping.ts'
import type { MetricsRequest } from './metric-schema.ts'
import { logRecordPlaces, type Places, type Seen, spanPlaces } from './record.ts'
import type { LogsRequest, TracesRequest } from './schema.ts'

/** What a request holds. */
export interface Sifted {
  readonly attempts: NewAttempt[]
  /** What their timestamps state. */
  readonly instants: (Instant | undefined)[]
  /** Records that a rule fits, and whose attempt breaks the rules of attempts. */
  rejected: number
  /** What is wrong with the first of them, for people. */
  readonly problems: string[]
  /** Log records, spans or data points that no rule fits. */
  ignored: number
}

/** Rejected records whose problems are told. */
const MAX_TOLD = 5

/** Log records by the enabled rules for them. Total. */
export function siftLogs({ resourceLogs }: LogsRequest, mapping: OtlpMapping): Sifted {
  const sifted = nothing()
  const rules = logRules(mapping)
  for (const [i, { resource, scopeLogs }] of (resourceLogs ?? []).entries()) {
    for (const [j, { logRecords }] of (scopeLogs ?? []).entries()) {
      for (const [k, record] of (logRecords ?? []).entries()) {
        const position = (): string => `resourceLogs[${i}].scopeLogs[${j}].logRecords[${k}]`
        siftOne(sifted, rules, { record, resource, position, values: undefined })
      }
    }
  }
  return sifted
}

/** Spans by the enabled rules for them. Total. */
export function siftSpans({ resourceSpans }: TracesRequest, mapping: OtlpMapping): Sifted {
  const sifted = nothing()
  const rules = spanRules(mapping)
  for (const [i, { resource, scopeSpans }] of (resourceSpans ?? []).entries()) {
    for (const [j, { spans }] of (scopeSpans ?? []).entries()) {
      for (const [k, record] of (spans ?? []).entries()) {
        const position = (): string => `resourceSpans[${i}].scopeSpans[${j}].spans[${k}]`
        siftOne(sifted, rules, { record, resource, position, values: undefined })
      }
    }
  }
  return sifted
}

/** Metrics say nothing of single attempts, and the same attempts may come as records too: their points are counted as ignored. */
export function siftMetrics({ resourceMetrics }: MetricsRequest): Sifted {
  const sifted = nothing()
  for (const { scopeMetrics } of resourceMetrics ?? []) {
    for (const { metrics } of scopeMetrics ?? []) {
      for (const { sum, histogram, gauge, exponentialHistogram, summary } of metrics ?? []) {
        const points = (sum ?? histogram ?? gauge ?? exponentialHistogram ?? summary)?.dataPoints
        sifted.ignored += points?.length ?? 0
      }
    }
  }
  return sifted
}

function nothing(): Sifted {
  return { attempts: [], instants: [], rejected: 0, problems: [], ignored: 0 }
}

const logRules = readyOnce(mapping => rulesFor('logs', mapping, logRecordPlaces()))
const spanRules = readyOnce(mapping => rulesFor('traces', mapping, spanPlaces()))

/** A mapping is there for many requests. */
function readyOnce<Rules>(ready: (mapping: OtlpMapping) => Rules): (mapping: OtlpMapping) => Rules {
  const known = new WeakMap<OtlpMapping, Rules>()
  return mapping => {
    const rules = known.get(mapping) ?? ready(mapping)
    known.set(mapping, rules)
    return rules
  }
}

function rulesFor<R>(signal: OtlpRule['signal'], mapping: OtlpMapping, places: Places<R>): readonly ReadyRule<R>[] {
  return Object.values(mapping)
    .filter(rule => rule.enabled && rule.signal === signal)
    .map(rule => readyRule(rule, places))
}

function siftOne<R>(sifted: Sifted, rules: readonly ReadyRule<R>[], seen: Seen<R>): void {
  const ready = rules.find(rule => rule.fits(seen))
  if (ready === undefined) {
    sifted.ignored++
    return
  }
  const read = ready.attempt(seen)
  if (read.attempt !== undefined) {
    sifted.attempts.push(read.attempt)
    sifted.instants.push(read.at)
    return
  }
  sifted.rejected++
  if (sifted.problems.length >= MAX_TOLD) return
  const faults = read.problems.map(
    ({ pointer, detail }) => `${pointer.slice(1)} ${detail}${hint(ready.rule, pointer.slice(1))}`,
  )
  sifted.problems.push(`${seen.position()}: ${faults.join(', ')}`)
}

/** Where the field was looked for, because a sender does not know our names. */
function hint({ attempt }: OtlpRule, field: string): string {
  const places = (attempt[field as keyof NewAttempt] ?? []).map(printSource).filter(place => place !== field)
  return places.length === 0 ? '' : ` (from ${places.join(' or ')})`
}

function printSource(source: OtlpSource): string {
  if (typeof source === 'string') return source
  if ('join' in source) return source.join.join(':')
  return 'from' in source ? source.from : JSON.stringify(source.value)
}
