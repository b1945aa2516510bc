/**
 * Renders the Prometheus text format 0.0.4. The text equals, byte for byte, what OpenTelemetry's exporter prints of the same metrics, and
 * takes a twentieth of the time.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
import { getDefaultHighWaterMark } from 'node:stream'
import { setImmediate as nextIteration } from 'node:timers/promises'
import { oneStep } from '../core/steps.ts'
import { runScrapeYielding } from '../lib/event-loop.ts'
import type { Collection } from './collection.ts'
import { ARM_FAMILIES, COMPARISON_FAMILIES, EXPERIMENT_FAMILIES } from './experiment-families.ts'
import { KEY_FAMILIES } from './families.ts'
import type { Labelled } from './family.ts'
import { type FamilyTemplate, familyTemplate } from './line-templates.ts'
import { timesAt } from './metric-data.ts'
import { selfMetricsText } from './self-metrics.ts'
import { appendBytes, contents, createTextBuffer, hasSpaceFor, type TextBuffer } from './text-buffer.ts'

/** Bytes rendered per iteration of the event loop: about 800 lines, 0.2 ms. */
const CHUNK_BYTES = 128 * 1024
/** A stream that was given at least this much requests the next chunk only after it has flushed all of it. */
const REUSE_FROM_BYTES = getDefaultHighWaterMark(false)

const KEY_TEMPLATES = KEY_FAMILIES.map(familyTemplate)
const ARM_TEMPLATES = ARM_FAMILIES.map(familyTemplate)
const COMPARISON_TEMPLATES = COMPARISON_FAMILIES.map(familyTemplate)
const EXPERIMENT_TEMPLATES = EXPERIMENT_FAMILIES.map(familyTemplate)

/**
 * The text in chunks of whole lines. Each chunk is rendered on demand, in its own iteration of the event loop. A chunk is valid until the next
 * one is requested; a chunk below a stream's high water mark stays valid, because the stream may still hold it. Text is not cached between
 * scrapes: it takes ten times the memory of the numbers.
 */
export async function* renderText(collection: Collection): AsyncGenerator<Buffer, void, void> {
  let buffer = createTextBuffer(CHUNK_BYTES)
  for (const section of sectionsOf(collection)) {
    for (let next = await fill(section, buffer, HEAD); next < section.end; next = await fill(section, buffer, next)) {
      yield contents(buffer)
      await nextIteration()
      buffer = nextBuffer(buffer, section.bytes(next))
    }
  }
  yield contents(buffer)
  await nextIteration()
  yield Buffer.from(selfMetricsText(collection.self, timesAt(collection.atMs)))
}

/** Runs in the queue of scrapes: concurrent scrapes share one time slice per iteration of the event loop. */
function fill(section: Section, buffer: TextBuffer, from: number): Promise<number> {
  return runScrapeYielding(oneStep(() => section.fill(buffer, from)))
}

/** Reuses the buffer if no reader holds it. A new one costs as much time as rendering into it, and garbage collection. */
function nextBuffer(buffer: TextBuffer, bytes: number): TextBuffer {
  if (buffer.at < REUSE_FROM_BYTES || buffer.bytes.length < bytes) return createTextBuffer(Math.max(CHUNK_BYTES, bytes))
  buffer.at = 0
  return buffer
}

/** A family with all its subjects. Item -1 is the head of the family, item n the series of subject n. */
interface Section {
  readonly end: number
  /** Maximum bytes of an item. */
  bytes(item: number): number
  /** Renders items from `from` on until the buffer is full. Returns the next item. */
  fill(buffer: TextBuffer, from: number): number
}
const HEAD = -1

function* sectionsOf({ keys, experiments }: Collection): Generator<Section> {
  for (const template of KEY_TEMPLATES) yield sectionOf(template, keys)
  const arms = experiments.flatMap(one => one.arms)
  for (const template of ARM_TEMPLATES) yield sectionOf(template, arms)
  const comparisons = experiments.flatMap(one => one.comparisons)
  for (const template of COMPARISON_TEMPLATES) yield sectionOf(template, comparisons)
  for (const template of EXPERIMENT_TEMPLATES) yield sectionOf(template, experiments)
}

function sectionOf<One extends Labelled>(
  { head, maxBytes, append }: FamilyTemplate<One>,
  all: readonly One[],
): Section {
  const bytes = (item: number): number => (item === HEAD ? head.length : maxBytes(all[item]!))
  return {
    end: all.length,
    bytes,
    fill(buffer, from) {
      let next = from
      for (; next < all.length && hasSpaceFor(buffer, bytes(next)); next++) {
        if (next === HEAD) appendBytes(buffer, head)
        else append(buffer, all[next]!)
      }
      return next
    },
  }
}
