/**
 * Finds series that several processes write at the same time, because their resources are equal. Cumulative values are counted correctly all
 * the same, by their start times. Without a start time, each change of the writer looks like a restart, and everything counts again.
 */
import { scalarOf } from '../scalar.ts'
import type { KeyValue, Maybe } from '../schema.ts'
import type { MetricPoint } from './point.ts'

/** Notes who writes which series. One per process. */
export interface Writers {
  /** Notes a point. Returns whether its time overlaps that of another writer. */
  note(point: MetricPoint): boolean
  /** The resources of which {@link tell} has not told: each once. */
  tell(): readonly string[]
}

/** Series that are remembered, and resources that were reported: together they bound memory and log lines. */
const MAX_SERIES = 10_000
const MAX_TOLD = 100

/** What the last writer of a series counted: from when to when. */
interface Interval {
  readonly start: bigint
  readonly time: bigint
}

export function createWriters(): Writers {
  const last = new Map<string, Interval>()
  const told = new Set<string>()
  const found: string[] = []

  function note({ series, resource, start, time, cumulative }: MetricPoint): boolean {
    if (start === 0n) return false
    const before = last.get(series)
    const isOverlap = before !== undefined && areTwoWriters(before, { start, time }, cumulative)
    if (isOverlap) tellOf(printResource(resource?.attributes))
    if (before === undefined || before.time <= time) remember(series, { start, time })
    return isOverlap
  }

  function remember(series: string, interval: Interval): void {
    last.delete(series)
    last.set(series, interval)
    if (last.size > MAX_SERIES) last.delete(last.keys().next().value!)
  }

  function tellOf(resource: string): void {
    if (told.has(resource) || told.size >= MAX_TOLD) return
    told.add(resource)
    found.push(resource)
  }

  return { note, tell: () => found.splice(0) }
}

/** One writer has one start time. Its deltas follow each other, and each is sent again unchanged. */
function areTwoWriters(before: Interval, { start, time }: Interval, cumulative: boolean): boolean {
  if (before.start === start && (cumulative || before.time === time)) return false
  const [from, to] = [before.start > start ? before.start : start, before.time < time ? before.time : time]
  return from < to
}

const MAX_TEXT = 200

/** `service.name=x, host.name=y`: what an operator recognises a process by. */
function printResource(attributes: Maybe<KeyValue[]>): string {
  const parts = (attributes ?? [])
    .filter(({ key }) => key?.startsWith('service.') || key === 'host.name' || key === 'k8s.pod.name')
    .map(({ key, value }) => `${key}=${String(scalarOf(value))}`)
  const text = parts.length === 0 ? 'a resource without a service.name' : parts.join(', ')
  return JSON.stringify(text.slice(0, MAX_TEXT).toWellFormed())
}
