/** The traces in memory, the one that was silent for the longest time first. */
import type { ModelCall, Tokens } from './model-call.ts'

/** The model and tokens of the calls of a run. */
export interface Usage {
  /** That of the call with the most tokens. */
  model: string | undefined
  modelTokens: number
  readonly tokens: Tokens
}

/** A span, or the parent of one that has not come. */
export interface SpanNode {
  parent: SpanNode | undefined
  isKnown: boolean
  /** The agent whose run it is. */
  agent: string | undefined
  /** The model call that it is. */
  call: ModelCall | undefined
  /** Of the calls below it, where it is a run. */
  usage: Usage | undefined
  /** Whether it was counted as an attempt. */
  isCounted: boolean
  /** The span below it that was counted for its run. */
  standIn: SpanNode | undefined
  /** The counted spans below it by agent, as far as they matter to it. */
  counted: Map<string, SpanNode> | undefined
  /** The runs right below it by agent; of one agent the last. */
  runs: Map<string, SpanNode> | undefined
  /** Model calls that wait for it. */
  waiting: SpanNode[] | undefined
}

/** The spans of one trace. */
export interface Trace {
  readonly ids: string[]
  readonly nodes: SpanNode[]
  /** The spans by id, once a search of the list would take long. */
  index: Map<string, SpanNode> | undefined
  touchedAt: number
}

/** Traces by id. */
export interface Traces {
  /** The trace of an id, which is now the latest. */
  touch(traceId: string, nowMs: number): Trace
  /** The span of an id in a trace. It is created if it has not come. */
  node(trace: Trace, spanId: string): SpanNode
  /** Removes traces beyond the limits. */
  evict(nowMs: number): void
}

/** Most traces are small: up to here a search of the list costs less than a Map. */
const MAX_LISTED = 12

/** Creates an empty list. */
export function createTraces(maxSpans: number, maxAgeMs: number): Traces {
  const traces = new Map<string, Trace>()
  let count = 0
  let last: { readonly traceId: string; readonly trace: Trace } | undefined

  function touch(traceId: string, nowMs: number): Trace {
    // Most spans follow one of the same trace.
    if (last?.traceId === traceId) return last.trace
    const known = traces.get(traceId)
    if (known !== undefined) traces.delete(traceId)
    const trace = known ?? { ids: [], nodes: [], index: undefined, touchedAt: nowMs }
    trace.touchedAt = nowMs
    traces.set(traceId, trace)
    last = { traceId, trace }
    return trace
  }

  function node(trace: Trace, spanId: string): SpanNode {
    const { ids, nodes, index } = trace
    const known = index === undefined ? nodes[ids.indexOf(spanId)] : index.get(spanId)
    if (known !== undefined) return known
    const created = createNode()
    ids.push(spanId)
    nodes.push(created)
    count++
    if (index !== undefined) index.set(spanId, created)
    else if (ids.length > MAX_LISTED) trace.index = new Map(ids.map((id, i) => [id, nodes[i]!]))
    return created
  }

  function evict(nowMs: number): void {
    last = undefined
    for (const [traceId, { nodes, touchedAt }] of traces) {
      if (count <= maxSpans && nowMs - touchedAt <= maxAgeMs) return
      traces.delete(traceId)
      count -= nodes.length
    }
  }

  return { touch, node, evict }
}

/** All properties in the same order: V8 reads objects of one shape faster. */
export function createNode(): SpanNode {
  return {
    parent: undefined,
    isKnown: false,
    agent: undefined,
    call: undefined,
    usage: undefined,
    isCounted: false,
    standIn: undefined,
    counted: undefined,
    runs: undefined,
    waiting: undefined,
  }
}
