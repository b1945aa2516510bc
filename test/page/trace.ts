/** The tasks of a page's main thread, from a trace of Chromium: their CPU time, and what it went to. */

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  /** Begin, in microseconds. */
  readonly ts: number
  /** Length by the clock, in microseconds. */
  readonly dur?: number
  /** CPU time, in microseconds. */
  readonly tdur?: number
  readonly args: { readonly data?: { readonly documentLoaderURL?: string } }
}

const KINDS: ReadonlyMap<string, string> = new Map([
  ...['EvaluateScript', 'v8.compile', 'v8.produceCache', 'FunctionCall', 'RunMicrotasks'].map(
    name => [name, 'script'] as const,
  ),
  ...['TimerFire', 'EventDispatch', 'FireAnimationFrame'].map(name => [name, 'script'] as const),
  ...['MinorGC', 'MajorGC', 'V8.GCScavenger', 'V8.GCFinalizeMC'].map(name => [name, 'garbage'] as const),
  ['UpdateLayoutTree', 'style'],
  ['Layout', 'layout'],
  ...['PrePaint', 'Paint', 'Layerize', 'Commit'].map(name => [name, 'paint'] as const),
])

/** What {@link mainThreadTasks} needs in the trace. */
export const TRACE_CATEGORIES: readonly string[] = ['toplevel', 'blink.user_timing', 'devtools.timeline', 'v8']

export interface Task {
  /** CPU time, in milliseconds. A busy machine changes it less than a time by the clock. */
  readonly cpuMs: number
  /** What it went to, in milliseconds by kind: script, style, layout, paint, garbage, other. */
  readonly parts: () => ReadonlyMap<string, number>
}

/** The tasks of the pages below `url`. Chromium has pages of its own in the same trace, whose tasks do not count. */
export function mainThreadTasks(trace: Buffer, url: string): Task[] {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] }
  const mains = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'navigationStart' && args.data?.documentLoaderURL?.startsWith(url))
      .map(({ pid, tid }) => `${pid} ${tid}`),
  )
  const events = traceEvents.filter(({ ph, pid, tid }) => ph === 'X' && mains.has(`${pid} ${tid}`))
  return events
    .filter(({ name }) => name.endsWith('RunTask'))
    .map(task => ({ cpuMs: (task.tdur ?? 0) / 1000, parts: () => partsOf(task, events) }))
}

/** Each event has the CPU time that no event inside it has. */
function partsOf(task: TraceEvent, events: readonly TraceEvent[]): Map<string, number> {
  const parts = new Map<string, number>()
  const add = (kind: string, ms: number): void => void parts.set(kind, (parts.get(kind) ?? 0) + ms)
  const open: { readonly kind: string; readonly endUs: number }[] = []
  const within = events
    .filter(({ name, ts, dur = 0, tid, pid }) => {
      const isInside = ts >= task.ts && ts + dur <= task.ts + (task.dur ?? 0)
      return isInside && pid === task.pid && tid === task.tid && (KINDS.has(name) || name.endsWith('RunTask'))
    })
    .sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0))
  for (const { name, ts, dur = 0, tdur = 0 } of within) {
    while (open.length > 0 && open.at(-1)!.endUs <= ts) open.pop()
    const kind = KINDS.get(name) ?? 'other'
    add(kind, tdur / 1000)
    const around = open.at(-1)
    if (around !== undefined) add(around.kind, -tdur / 1000)
    open.push({ kind, endUs: ts + dur })
  }
  return parts
}
