/** Extracts the attempts among the spans of a request: each run of an agent once, with the model and tokens of the calls below it. */
import { FIELD_LIST } from '../../core/attempt/fields.ts'
import { isInTrackedRun } from '../../core/attempt/tracked-run.ts'
import type { StatedAttempt } from '../read-attempt.ts'
import { createExtractor, type Extracted, type Extractor } from './extractor.ts'
import { readJsonSpans } from './json-records.ts'
import type { CompiledRule } from './mapping/compiled-rule.ts'
import type { OtlpMapping } from './mapping/mapping.ts'
import { spanPosition } from './mapping/record.ts'
import { spanRules } from './mapping/rules.ts'
import { readRecords } from './protobuf/read-records.ts'
import { attributeOf } from './scalar.ts'
import type { TracesRequest } from './schema.ts'
import type { TelemetryRecord } from './telemetry-record.ts'
import { TOKEN_FIELDS } from './traces/model-call.ts'
import type { SeenSpan, TraceMemory } from './traces/trace-memory.ts'
import type { SpanNode, Usage } from './traces/traces.ts'

/** A span of a request. */
interface Seen extends SeenSpan {
  /** Undefined unless a rule matches it. */
  readonly run: Run | undefined
}

interface Run {
  readonly rule: CompiledRule
  readonly record: TelemetryRecord
  readonly stated: StatedAttempt
}

/**
 * Spans by the enabled rules for them, of protobuf bytes or of JSON that the schema accepts. `nowMs` is a monotonic time. Throws an
 * OtlpDecodeError where the bytes are damaged, and nothing else. The memory then holds none of the spans.
 */
export function extractSpans(
  request: Buffer | TracesRequest,
  mapping: OtlpMapping,
  memory: TraceMemory,
  nowMs: number,
): Extracted {
  const rules = spanRules(mapping)
  const extractor = createExtractor(rules, spanPosition)
  const all: Seen[] = []

  function see(record: TelemetryRecord): void {
    const rule = extractor.ruleOf(record)
    const run = rule === undefined ? undefined : { rule, record, stated: rule.statement(record) }
    if (run === undefined) extractor.ignore(record)
    const { traceId, spanId, parentSpanId: parentId } = record
    // A span without ids is in no trace.
    if (run === undefined && (traceId === '' || spanId === '')) return
    const call = run === undefined ? rules.modelCall(record) : undefined
    all.push({ traceId, spanId, parentId, agent: agentOf(run?.stated), call, run })
  }

  if (Buffer.isBuffer(request)) readRecords('traces', request, rules.attributes, see)
  else readJsonSpans(request, rules.attributes, see)
  const spans = memory.begin(nowMs)
  const nodes = all.map(spans.add)
  extractor.extracted.late = spans.resolve()
  takeRuns(all, nodes, extractor, memory)
  memory.end(nowMs)
  return extractor.extracted
}

const MAX_AGENT = 256

function agentOf(stated: StatedAttempt | undefined): string | undefined {
  const agent = stated?.agent_name
  return typeof agent === 'string' && agent !== '' ? agent.slice(0, MAX_AGENT) : undefined
}

function takeRuns(all: readonly Seen[], nodes: readonly SpanNode[], extractor: Extractor, memory: TraceMemory): void {
  const counted: SpanNode[] = []
  for (const [i, { run }] of all.entries()) {
    if (run === undefined) continue
    const node = nodes[i]!
    if (isPartOfTracked(run.record, node) || memory.isSameRun(node)) extractor.exclude(run.record, 'same_run')
    else if (
      extractor.take(run.rule, run.record, rolledUp(run.rule, run.stated, node.usage)) &&
      !node.isCounted &&
      node.agent !== undefined
    ) {
      memory.count(node)
      counted.push(node)
    }
  }
  extractor.extracted.undo = () => {
    for (const node of counted) memory.uncount(node)
  }
}

/** The span of the tracked attempt itself has the id under which the library delivers it. */
function isPartOfTracked(record: TelemetryRecord, { agent }: SpanNode): boolean {
  if (record.traceState === '' || agent === undefined || !isInTrackedRun(record.traceState, agent)) return false
  return attributeOf(record.whole.attributes, 'agent.attempt.id') === undefined
}

/** What a span states, with the model, the tokens and the failure of the calls below it where it states none. */
function rolledUp(
  { rule, defaultModel }: CompiledRule,
  stated: StatedAttempt,
  usage: Usage | undefined,
): StatedAttempt {
  if (!rule.roll_up) return stated
  const model = isAbsent(stated.model_name) ? (usage?.model ?? defaultModel) : undefined
  const tokens = usage !== undefined && TOKEN_FIELDS.every(field => isAbsent(stated[field])) ? usage.tokens : undefined
  const failure = rule.roll_up_failure && stated.success === true ? usage?.failure : undefined
  if (model === undefined && tokens === undefined && failure === undefined) return stated
  const all: Stated = { ...stated, ...tokens, ...(model !== undefined && { model_name: model }) }
  if (failure !== undefined) {
    all.success = false
    if (isAbsent(all.error_type) && failure.errorType !== undefined) all.error_type = failure.errorType
  }
  // In the order of the table, in which attempts are printed.
  return Object.fromEntries(FIELD_LIST.flatMap(({ name }) => (all[name] === undefined ? [] : [[name, all[name]]])))
}

type Stated = { -readonly [Name in keyof StatedAttempt]: unknown }

const isAbsent = (value: unknown): boolean => value === undefined || value === ''
