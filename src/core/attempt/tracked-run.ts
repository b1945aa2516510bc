/**
 * How a span says that it is below the span of a tracked attempt: by an entry of its trace state (W3C Trace Context, 2021), which it inherits.
 * A framework's own span of the same run is exported earlier, and may arrive in an earlier request. Its parent is not known then.
 */

const ENTRY = 'agent-performance'

/** The key and the value of the entry for an attempt of this agent. The value is a hash, because trace states are sent to other parties. */
export function trackedRun(agentName: string): { readonly key: string; readonly value: string } {
  return { key: ENTRY, value: hashOf(agentName) }
}

/** Whether a trace state says that a span of this agent is a part of a tracked attempt of the same agent. */
export function isInTrackedRun(traceState: string, agentName: string): boolean {
  if (!traceState.includes(ENTRY)) return false
  const entry = `${ENTRY}=${hashOf(agentName)}`
  return traceState.split(',').some(member => member.trim() === entry)
}

/** FNV-1a over UTF-16 units, 32 bits, in hexadecimal. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(16)
}
