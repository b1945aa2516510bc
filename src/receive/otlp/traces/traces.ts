/** The spans of recent traces. */
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
  /** The span that came last. */
  last: SpanNode | undefined
  size: number
  /** The spans by id, once a search of the list would take long. */
  index: Map<string, SpanNode> | undefined
}

/** Traces by id. */
export interface Traces {
  /** The trace of an id, which is now a recent one. */
  touch(traceId: string): Trace
  /** The span of an id in a trace. It is created if it has not come. */
  node(trace: Trace, spanId: string): SpanNode
  /** Removes traces that were not touched for too long. `nowMs` is a monotonic time. */
  forgetOld(nowMs: number): void
  /** Removes traces beyond the number of spans: those that were not touched for the longest time. */
  forgetMany(): void
}

/** Most traces are small: up to here a search of the list costs less than a Map. */
const MAX_LISTED = 12

/**
 * Creates an empty list. It keeps a trace for `maxAgeMs` at least and twice that at most, and `maxSpans` spans at most beyond those of one
 * request, of which the last half at least. Traces are of two generations, the older of which is removed as a whole: an order by the time
 * of their last span would have to be changed for each span.
 */
export function createTraces(maxSpans: number, maxAgeMs: number): Traces {
  let recent = new Map<string, Trace>()
  let older = new Map<string, Trace>()
  /** Of the recent traces. */
  let spans = 0
  let startedMs = 0
  let lastId = ''
  let last = createTrace()

  function touch(id: string): Trace {
    // Most spans follow one of the same trace.
    if (id === lastId) return last
    last = recent.get(id) ?? makeRecent(id)
    lastId = id
    return last
  }

  function makeRecent(id: string): Trace {
    const trace = older.get(id) ?? createTrace()
    recent.set(id, trace)
    spans += trace.size
    return trace
  }

  function node(trace: Trace, id: string): SpanNode {
    const known = trace.index === undefined ? find(trace, id) : trace.index.get(id)
    if (known !== undefined) return known
    const created = createNode(id, trace.last)
    trace.last = created
    trace.size++
    spans++
    if (trace.index !== undefined) trace.index.set(id, created)
    else if (trace.size > MAX_LISTED) trace.index = indexOf(trace)
    return created
  }

  function forgetOld(nowMs: number): void {
    const ageMs = nowMs - startedMs
    if (ageMs <= maxAgeMs) return
    startGeneration(ageMs <= 2 * maxAgeMs)
    startedMs = nowMs
  }

  function forgetMany(): void {
    if (spans > maxSpans / 2) startGeneration(spans <= maxSpans)
  }

  function startGeneration(keepsRecent: boolean): void {
    older = keepsRecent ? recent : new Map()
    recent = new Map()
    spans = 0
    lastId = ''
  }

  return { touch, node, forgetOld, forgetMany }
}

const createTrace = (): Trace => ({ last: undefined, size: 0, index: undefined })

/** A span that has not come. Always with all properties in the same order: V8 reads objects of one shape faster. */
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
