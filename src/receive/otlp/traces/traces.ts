/** The traces in memory, the one that was silent for the longest time first. */
import type { Failure, ModelCall, Tokens } from './model-call.ts'

/** The model and tokens of the calls of a run, and how the last of them ended. */
export interface Usage {
  /** That of the call with the most tokens. */
  model: string | undefined
  modelTokens: number
  readonly tokens: Tokens
  /** When the last call ended. */
  endedAt: bigint
  /** Of the last call. */
  failure: Failure | undefined
}

/** A span, or the parent of one that has not come. */
export interface SpanNode {
  readonly id: string
  /** The span that came before it to its trace. */
  readonly before: SpanNode | undefined
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
  readonly id: string
  /** The span that came last. */
  last: SpanNode | undefined
  size: number
  /** The spans by id, once a search of the list would take long. */
  index: Map<string, SpanNode> | undefined
  touchedAt: number
  /** The traces that were touched before and after it. */
  older: Trace | undefined
  newer: Trace | undefined
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
  let oldest: Trace | undefined
  let newest: Trace | undefined

  function touch(id: string, nowMs: number): Trace {
    // Most spans follow one of the same trace.
    if (newest?.id === id) {
      newest.touchedAt = nowMs
      return newest
    }
    const known = traces.get(id)
    const trace = known ?? createTrace(id)
    if (known === undefined) traces.set(id, trace)
    else unlink(trace)
    trace.touchedAt = nowMs
    trace.older = newest
    if (newest === undefined) oldest = trace
    else newest.newer = trace
    newest = trace
    return trace
  }

  function unlink(trace: Trace): void {
    const { older, newer } = trace
    if (older === undefined) oldest = newer
    else older.newer = newer
    if (newer === undefined) newest = older
    else newer.older = older
    // A removed trace must not keep others in memory.
    trace.older = undefined
    trace.newer = undefined
  }

  function node(trace: Trace, id: string): SpanNode {
    const known = trace.index === undefined ? find(trace, id) : trace.index.get(id)
    if (known !== undefined) return known
    const created = createNode(id, trace.last)
    trace.last = created
    trace.size++
    count++
    if (trace.index !== undefined) trace.index.set(id, created)
    else if (trace.size > MAX_LISTED) trace.index = indexOf(trace)
    return created
  }

  function evict(nowMs: number): void {
    while (oldest !== undefined && (count > maxSpans || nowMs - oldest.touchedAt > maxAgeMs)) {
      traces.delete(oldest.id)
      count -= oldest.size
      unlink(oldest)
    }
  }

  return { touch, node, evict }
}

// All properties in the same order: V8 reads objects of one shape faster.

function createTrace(id: string): Trace {
  return { id, last: undefined, size: 0, index: undefined, touchedAt: 0, older: undefined, newer: undefined }
}

/** A span that has not come. */
export function createNode(id: string, before: SpanNode | undefined): SpanNode {
  return {
    id,
    before,
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

function find({ last }: Trace, id: string): SpanNode | undefined {
  let node = last
  while (node !== undefined && node.id !== id) node = node.before
  return node
}

function indexOf({ last }: Trace): Map<string, SpanNode> {
  const index = new Map<string, SpanNode>()
  for (let node = last; node !== undefined; node = node.before) index.set(node.id, node)
  return index
}
