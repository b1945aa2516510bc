/** The spans of recent traces. */
import { randomInt } from 'node:crypto'
import type { ModelCall, Tokens } from './model-call.ts'

/** The model and tokens of the calls of a run. */
export interface Usage {
  /** That of the call with the most tokens. */
  model: string | undefined
  modelTokens: number
  readonly tokens: Tokens
}

/** The words of an id, from the first to the last. A string would be one more object that outlives the garbage collections of its request. */
type SpanId = Readonly<Record<'trace0' | 'trace1' | 'trace2' | 'trace3' | 'span0' | 'span1', number>>

/** A span, or the parent of one that has not come. */
export interface SpanNode extends SpanId {
  /** Another span of its list. */
  next: SpanNode | undefined
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

/** Traces by id. */
export interface Traces {
  /** The span of these ids, in lower-case hex. It is created if it has not come. Its trace is now a recent one. */
  node(traceId: string, spanId: string): SpanNode
  /** Removes traces that got no span for too long. `nowMs` is a monotonic time. */
  forgetOld(nowMs: number): void
  /** Removes traces beyond the number of spans: those that got no span for the longest time. */
  forgetMany(): void
}

/** The spans of the traces with the same hash: a list, or lists by the hash of the span where one list would be long. */
type Spans = SpanNode | Map<number, SpanNode>

/** Most traces are small: up to here a search of the list costs less than a Map. */
const MAX_LISTED = 12

/**
 * Creates an empty list. It keeps a trace for `maxAgeMs` at least and twice that at most, and `maxSpans` spans at most beyond those of one
 * request, of which the last half at least. Traces are of two generations, the older of which is removed as a whole: an order by the time
 * of their last span would have to be changed for each span.
 */
export function createTraces(maxSpans: number, maxAgeMs: number): Traces {
  let recent = new Map<number, Spans>()
  let older = new Map<number, Spans>()
  /** Of the recent traces. */
  let count = 0
  let startedMs = 0
  const seed = randomInt(2 ** 32)

  function node(traceId: string, spanId: string): SpanNode {
    const trace0 = wordAt(traceId, 0)
    const trace1 = wordAt(traceId, 8)
    const trace2 = wordAt(traceId, 16)
    const trace3 = wordAt(traceId, 24)
    const span0 = wordAt(spanId, 0)
    const span1 = wordAt(spanId, 8)
    const key = mixed(mixed(mixed(mixed(seed, trace0), trace1), trace2), trace3)
    const spans = recent.get(key) ?? makeRecent(key)
    const list = spans instanceof Map ? spans.get(spanKey(key, span0, span1)) : spans
    let length = 0
    for (let at = list; at !== undefined; at = at.next) {
      const isSame = at.span1 === span1 && at.span0 === span0 && at.trace3 === trace3 && at.trace2 === trace2
      if (isSame && at.trace1 === trace1 && at.trace0 === trace0) return at
      length++
    }
    const created = createNode({ trace0, trace1, trace2, trace3, span0, span1 }, list)
    if (spans instanceof Map) spans.set(spanKey(key, span0, span1), created)
    else recent.set(key, length < MAX_LISTED ? created : listsOf(key, created))
    count++
    return created
  }

  function makeRecent(key: number): Spans | undefined {
    const spans = older.get(key)
    if (spans === undefined) return undefined
    recent.set(key, spans)
    count += spans instanceof Map ? spans.size : lengthOf(spans)
    return spans
  }

  function forgetOld(nowMs: number): void {
    const ageMs = nowMs - startedMs
    if (ageMs <= maxAgeMs) return
    startGeneration(ageMs <= 2 * maxAgeMs)
    startedMs = nowMs
  }

  function forgetMany(): void {
    if (count > maxSpans / 2) startGeneration(count <= maxSpans)
  }

  function startGeneration(keepsRecent: boolean): void {
    older = keepsRecent ? recent : new Map()
    recent = new Map()
    count = 0
  }

  return { node, forgetOld, forgetMany }
}

const NO_ID: SpanId = { trace0: 0, trace1: 0, trace2: 0, trace3: 0, span0: 0, span1: 0 }

/** A span that has not come. Always with all properties in the same order: V8 reads objects of one shape faster. */
export function createNode(
  { trace0, trace1, trace2, trace3, span0, span1 }: SpanId = NO_ID,
  next: SpanNode | undefined = undefined,
): SpanNode {
  return {
    trace0,
    trace1,
    trace2,
    trace3,
    span0,
    span1,
    next,
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

/** The 32 bits that 8 hex digits spell, in lower case. */
function wordAt(hex: string, start: number): number {
  let word = 0
  for (let at = start; at < start + 8; at++) {
    const code = hex.charCodeAt(at)
    word = (word << 4) | (code < 58 ? code - 48 : code - 87)
  }
  return word
}

/** Adds a word to a hash of 32 bits. The seed is secret: otherwise a sender could make many ids with one hash, and slow down each search. */
function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x85ebca6b)
  return product ^ (product >>> 15)
}

const spanKey = (key: number, span0: number, span1: number): number => mixed(mixed(key, span0), span1)

function lengthOf(list: SpanNode): number {
  let length = 0
  for (let at: SpanNode | undefined = list; at !== undefined; at = at.next) length++
  return length
}

/** Splits a list by the hashes of the spans. */
function listsOf(key: number, list: SpanNode): Map<number, SpanNode> {
  const lists = new Map<number, SpanNode>()
  for (let at: SpanNode | undefined = list; at !== undefined; ) {
    const { next }: SpanNode = at
    const own = spanKey(key, at.span0, at.span1)
    at.next = lists.get(own)
    lists.set(own, at)
    at = next
  }
  return lists
}
