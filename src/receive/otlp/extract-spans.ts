/** Extracts the attempts among the spans of a request: each run of an agent once, with the model and tokens of the calls below it. */
import { FIELD_LIST } from '../../core/attempt/fields.ts'
import { isInTrackedRun } from '../../core/attempt/tracked-run.ts'
import type { StatedAttempt } from '../read-attempt.ts'
import { createExtractor, type Extracted, type Extractor } from './extractor.ts'
import type { RecordContext } from './mapping/attribute-lookup.ts'
import type { CompiledRule } from './mapping/compiled-rule.ts'
import type { OtlpMapping } from './mapping/mapping.ts'
import { spanPosition } from './mapping/record.ts'
import { idOf } from './mapping/record-identity.ts'
import { spanRules } from './mapping/rules.ts'
import { attributeOf } from './scalar.ts'
import type { Span, TracesRequest } from './schema.ts'
import { type ModelCall, TOKEN_FIELDS } from './traces/model-call.ts'
import type { SpansOfRequest, TraceMemory } from './traces/trace-memory.ts'
import type { SpanNode, Usage } from './traces/traces.ts'

/** A span that a rule matches. */
interface Run {
  readonly rule: CompiledRule<Span>
  readonly context: RecordContext<Span>
  readonly stated: StatedAttempt
  readonly node: SpanNode
}

/** Spans by the enabled rules for them. Total. `nowMs` is a monotonic time. */
export function extractSpans(
  { resourceSpans }: TracesRequest,
  mapping: OtlpMapping,
  memory: TraceMemory,
  nowMs: number,
): Extracted {
  const rules = spanRules(mapping)
  const extractor = createExtractor(rules, spanPosition)
  const spans = memory.begin(nowMs)
  const runs: Run[] = []
  for (const [i, { resource, scopeSpans }] of (resourceSpans ?? []).entries()) {
    for (const [j, { scope, spans: records }] of (scopeSpans ?? []).entries()) {
      for (const [k, record] of (records ?? []).entries()) {
        const context = { record, resource, scope, i, j, k, values: undefined, isUnescaped: false }
        const rule = extractor.ruleOf(context)
        const stated = rule?.statement(context)
        const call = rule === undefined ? rules.modelCall(context) : undefined
        const node = spans.add(seenSpan(record, stated, call))
        if (rule === undefined || stated === undefined) extractor.ignore(context)
        else runs.push({ rule, context, stated, node })
      }
    }
  }
  extractor.extracted.late = spans.resolve()
  takeRuns(runs, extractor, memory)
  memory.end(nowMs)
  return extractor.extracted
}

const MAX_AGENT = 256

function seenSpan(
  record: Span,
  stated: StatedAttempt | undefined,
  call: ModelCall | undefined,
): Parameters<SpansOfRequest['add']>[0] {
  const agent = stated?.agent_name
  return {
    traceId: idOf(record.traceId, 32),
    spanId: idOf(record.spanId, 16),
    parentId: idOf(record.parentSpanId, 16),
    agent: typeof agent === 'string' && agent !== '' ? agent.slice(0, MAX_AGENT) : undefined,
    call,
  }
}

function takeRuns(runs: readonly Run[], extractor: Extractor<Span>, memory: TraceMemory): void {
  const counted: SpanNode[] = []
  for (const { rule, context, stated, node } of runs) {
    if (isPartOfTracked(context.record, node) || memory.isSameRun(node)) extractor.exclude(context, 'same_run')
    else if (
      extractor.take(rule, context, rolledUp(rule, stated, node.usage)) &&
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
function isPartOfTracked({ traceState, attributes }: Span, { agent }: SpanNode): boolean {
  if (typeof traceState !== 'string' || agent === undefined || !isInTrackedRun(traceState, agent)) return false
  return attributeOf(attributes, 'agent.attempt.id') === undefined
}

/** What a span states, with the model and tokens of the calls below it where it states none. */
function rolledUp(
  { rule, defaultModel }: CompiledRule<Span>,
  stated: StatedAttempt,
  usage: Usage | undefined,
): StatedAttempt {
  if (!rule.roll_up) return stated
  const model = isAbsent(stated.model_name) ? (usage?.model ?? defaultModel) : undefined
  const tokens = usage !== undefined && TOKEN_FIELDS.every(field => isAbsent(stated[field])) ? usage.tokens : undefined
  if (model === undefined && tokens === undefined) return stated
  const all = { ...stated, ...tokens, ...(model !== undefined && { model_name: model }) }
  // In the order of the table, in which attempts are printed.
  return Object.fromEntries(FIELD_LIST.flatMap(({ name }) => (all[name] === undefined ? [] : [[name, all[name]]])))
}

const isAbsent = (value: unknown): boolean => value === undefined || value === ''
