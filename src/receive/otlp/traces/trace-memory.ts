/**
 * Spans of recent traces. A run of an agent may make several nested spans, and its model and tokens may stand on spans below it. Those end
 * earlier, and may come in an earlier request than the span of the run. The memory is of this process: a restart forgets it.
 */
import { type ModelCall, TOKEN_FIELDS } from './model-call.ts'
import { createNode, createTraces, type SpanNode, type Traces, type Usage } from './traces.ts'

/** A span, as the memory sees it. `agent` is the agent whose run it is; `call` is the model call that it is. */
export interface SeenSpan {
  /** Ids in lower-case hex; empty if absent. */
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string
  readonly agent: string | undefined
  readonly call: ModelCall | undefined
}

/** The spans of one request. Add all of them, then `resolve` once, and ask afterwards. */
export interface SpansOfRequest {
  /** Adds a span. One that was added before, as a resend does, stays as it is. */
  add(span: SeenSpan): SpanNode
  /** Gives the model calls to the runs that they belong to. Returns how many came after their run had been counted. */
  resolve(): number
}

/** The memory. */
export interface TraceMemory {
  /** Starts a request. `nowMs` is a monotonic time. */
  begin(nowMs: number): SpansOfRequest
  /** Removes the traces beyond the limits: those that were silent for the longest time first. */
  end(nowMs: number): void
  /** Whether the span is of a run that another span stands for: an ancestor, or a span below it that was counted before. */
  isSameRun(node: SpanNode): boolean
  /** Marks a span as counted. */
  count(node: SpanNode): void
  /** Takes it back where the attempt could not be kept, so that it counts when it is sent again. */
  uncount(node: SpanNode): void
}

/** Spans in memory, with parents that have not come: about 15 MB. */
export const MAX_SPANS = 50_000
/** How long a silent trace is remembered. */
export const MAX_AGE_MS = 3_600_000
/** Ancestors of a span that are looked at. Deeper ones, and cycles, end there. */
const MAX_ANCESTORS = 256

/** Creates an empty memory. */
export function createTraceMemory(maxSpans: number = MAX_SPANS): TraceMemory {
  const traces = createTraces(maxSpans, MAX_AGE_MS)
  return {
    begin: nowMs => beginRequest(traces, nowMs),
    end: traces.evict,
    isSameRun,
    count(node) {
      node.isCounted = true
      if (node.parent !== undefined) tellAbove(node, node)
    },
    uncount(node) {
      node.isCounted = false
      for (const above of ancestors(node))
        if (above.counted?.get(node.agent!) === node) above.counted.delete(node.agent!)
    },
  }
}

function beginRequest(traces: Traces, nowMs: number): SpansOfRequest {
  const calls: SpanNode[] = []

  function add({ traceId, spanId, parentId, agent, call }: SeenSpan): SpanNode {
    const trace = traceId === '' || spanId === '' ? undefined : traces.touch(traceId, nowMs)
    const node = trace === undefined ? createNode('', undefined) : traces.node(trace, spanId)
    if (node.isKnown) return node
    node.isKnown = true
    node.agent = agent
    node.call = call
    if (trace !== undefined && parentId !== '' && parentId !== spanId) node.parent = traces.node(trace, parentId)
    if (agent !== undefined && node.parent !== undefined) {
      node.parent.runs ??= new Map()
      node.parent.runs.set(agent, node)
    }
    if (call !== undefined) calls.push(node)
    if (node.waiting !== undefined) for (const waiting of node.waiting) calls.push(waiting)
    node.waiting = undefined
    if (node.counted !== undefined) for (const below of node.counted.values()) tellAbove(node, below)
    return node
  }

  return {
    add,
    resolve() {
      let late = 0
      for (const call of calls) if (isLate(call)) late++
      calls.length = 0
      return late
    },
  }
}

/** Adds a call to the usage of its run. Returns true if that run was counted before. */
function isLate(node: SpanNode): boolean {
  const run = runOf(node)
  if (run === undefined) return false
  if (run.isCounted || run.standIn !== undefined) return true
  run.usage ??= { model: undefined, modelTokens: -1, tokens: {}, endedAt: 0n, failure: undefined }
  addCall(run.usage, node.call!)
  return false
}

/**
 * The run of a model call: the outermost span of the nearest agent above it. LangGraph makes the span of an agent a sibling of its calls, which
 * name the agent. Undefined where the call has no run, or none yet.
 */
function runOf(node: SpanNode): SpanNode | undefined {
  let run: SpanNode | undefined
  for (const above of ancestors(node)) {
    if (run === undefined && node.call?.agent !== undefined) run = above.runs?.get(node.call.agent)
    if (!above.isKnown) {
      if (run !== undefined) return run
      above.waiting ??= []
      above.waiting.push(node)
      return undefined
    }
    // A framework's span around the one of the model's SDK: both state the same tokens.
    if (run === undefined && above.call?.hasTokens) return undefined
    if (above.agent === undefined) continue
    if (run !== undefined && above.agent !== run.agent) return run
    run = above
  }
  return run
}

function addCall(usage: Usage, { model, tokens, endedAt, failure }: ModelCall): void {
  if (endedAt >= usage.endedAt) {
    usage.endedAt = endedAt
    usage.failure = failure
  }
  let sum = 0
  for (const field of TOKEN_FIELDS) {
    const count = tokens[field]
    if (count === undefined) continue
    usage.tokens[field] = (usage.tokens[field] ?? 0) + count
    sum += count
  }
  if (model === undefined || sum <= usage.modelTokens) return
  usage.model = model
  usage.modelTokens = sum
}

function isSameRun(node: SpanNode): boolean {
  // Sent again: the store knows its id.
  if (node.isCounted || node.agent === undefined) return false
  if (node.parent === undefined && node.counted === undefined) return false
  for (const above of ancestors(node)) {
    // An outer span for which this one stands was not counted.
    if (above.agent === node.agent && above.standIn !== node) return true
  }
  node.standIn = node.counted?.get(node.agent)
  return node.standIn !== undefined
}

/** Tells the outer spans of the same agent above `from`, and the parent that has not come, of a counted span. */
function tellAbove(from: SpanNode, counted: SpanNode): void {
  const agent = counted.agent!
  for (const above of ancestors(from)) {
    if (above.isKnown && above.agent !== agent) continue
    above.counted ??= new Map()
    if (!above.counted.has(agent)) above.counted.set(agent, counted)
  }
}

function* ancestors(node: SpanNode): Generator<SpanNode> {
  let at = node.parent
  for (let depth = 0; at !== undefined && at !== node && depth < MAX_ANCESTORS; depth++) {
    yield at
    at = at.parent
  }
}
