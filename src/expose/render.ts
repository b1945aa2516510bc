/**
 * The Prometheus text format 0.0.4, line for line as OpenTelemetry's exporter prints the same metrics, at a twentieth of
 * its cost.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
import { getDefaultHighWaterMark } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { oneStep } from '../core/steps.ts'
import { runScrapeYielding } from '../lib/event-loop.ts'
import type { Collection } from './collection.ts'
import { ARM_FAMILIES, COMPARISON_FAMILIES, EXPERIMENT_FAMILIES } from './experiment-families.ts'
import { KEY_FAMILIES } from './families.ts'
import type { Labelled } from './family.ts'
import { type Lines, linesOf } from './lines.ts'
import { timesAt } from './metric-data.ts'
import { createPage, hasRoom, type Page, putBytes, written } from './page.ts'
import { selfMetricsText } from './self-metrics.ts'

/** Bytes rendered before others have their turn: about 800 lines, a fifth of a millisecond. */
const SLICE = 128 * 1024
/** A stream that was given at least so much does not ask for more before it has let go of all of it. */
const LET_GO_FROM = getDefaultHighWaterMark(false)

const KEY_LINES = KEY_FAMILIES.map(linesOf)
const ARM_LINES = ARM_FAMILIES.map(linesOf)
const COMPARISON_LINES = COMPARISON_FAMILIES.map(linesOf)
const EXPERIMENT_LINES = EXPERIMENT_FAMILIES.map(linesOf)

/**
 * The text, in slices that end with whole lines, each rendered when it is asked for and in a turn of the event loop of its
 * own. A slice stands until the next is asked for; a shorter one than a stream may hold at that time stands on. Text is not kept from
 * scrape to scrape: it would take ten times the room of the numbers it is made of.
 */
export async function* renderText(collection: Collection): AsyncGenerator<Buffer, void, void> {
  let page = createPage(SLICE)
  for (const part of partsOf(collection)) {
    for (let next = await fill(part, page, START); next < part.end; next = await fill(part, page, next)) {
      yield written(page)
      await nextTurn()
      page = nextPage(page, part.bytes(next))
    }
  }
  yield written(page)
  await nextTurn()
  yield Buffer.from(selfMetricsText(collection.self, timesAt(collection.atMs)))
}

/** In slices: scrapes at the same time share what a turn of the event loop has for them. */
function fill(part: Part, page: Page, from: number): Promise<number> {
  return runScrapeYielding(oneStep(() => part.fill(page, from)))
}

/** The same page again, where it may be written to: fresh memory takes as long as what is put into it, and brings the garbage collector. */
function nextPage(page: Page, bytes: number): Page {
  if (page.at < LET_GO_FROM || page.bytes.length < bytes) return createPage(Math.max(SLICE, bytes))
  page.at = 0
  return page
}

/** A family about all there are of a kind. Its head is number -1. */
interface Part {
  readonly end: number
  /** Bytes that a number takes at most. */
  bytes(number: number): number
  /** Puts a number and those that come after it until the page is full; returns which is the next. */
  fill(page: Page, from: number): number
}
const START = -1

function* partsOf({ keys, experiments }: Collection): Generator<Part> {
  for (const lines of KEY_LINES) yield partOf(lines, keys)
  const arms = experiments.flatMap(one => one.arms)
  for (const lines of ARM_LINES) yield partOf(lines, arms)
  const comparisons = experiments.flatMap(one => one.comparisons)
  for (const lines of COMPARISON_LINES) yield partOf(lines, comparisons)
  for (const lines of EXPERIMENT_LINES) yield partOf(lines, experiments)
}

function partOf<One extends Labelled>({ head, atMost, put }: Lines<One>, all: readonly One[]): Part {
  const bytes = (number: number): number => (number < 0 ? head.length : atMost(all[number]!))
  return {
    end: all.length,
    bytes,
    fill(page, from) {
      let next = from
      for (; next < all.length && hasRoom(page, bytes(next)); next++) {
        if (next < 0) putBytes(page, head)
        else put(page, all[next]!, all.length)
      }
      return next
    },
  }
}
