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
  /** The span of an id. It is created if it has not come. */
  node(spanId: string): SpanNode
}

/** Traces by id. */
export interface Traces {
  /** The trace of an id, which is now the latest. */
  touch(traceId: string, nowMs: number): Trace
  /** Removes traces beyond the limits. */
  evict(nowMs: number): void
}

interface Entry extends Trace {
  readonly nodes: Map<string, SpanNode>
  touchedAt: number
}

/** Creates an empty list. */
export function createTraces(maxSpans: number, maxAgeMs: number): Traces {
  const entries = new Map<string, Entry>()
  let count = 0
  let last: { readonly traceId: string; readonly entry: Entry } | undefined

  function createEntry(nowMs: number): Entry {
    const nodes = new Map<string, SpanNode>()
    return {
      nodes,
      touchedAt: nowMs,
      node(spanId) {
        const known = nodes.get(spanId)
        if (known !== undefined) return known
        const node = createNode()
        nodes.set(spanId, node)
        count++
        return node
      },
    }
  }

  return {
    touch(traceId, nowMs) {
      // Most spans follow one of the same trace.
      if (last?.traceId === traceId) return last.entry
      const entry = entries.get(traceId) ?? createEntry(nowMs)
      entry.touchedAt = nowMs
      entries.delete(traceId)
      entries.set(traceId, entry)
      last = { traceId, entry }
      return entry
    },
    evict(nowMs) {
      last = undefined
      for (const [traceId, { nodes, touchedAt }] of entries) {
        if (count <= maxSpans && nowMs - touchedAt <= maxAgeMs) return
        entries.delete(traceId)
        count -= nodes.size
      }
    },
  }
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
