/** The documented questions over HTTP. */
import { randomUUID } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import express from 'express'
import type { z } from 'zod'
import { decidedBestSteps } from '../core/best-agent.ts'
import { agentMetrics, printDocument } from '../core/metrics.ts'
import { ExperimentNotTold, RangeNotHeld } from '../core/ports.ts'
import { defaultGrouping, overallRate, printGroupedRates } from '../core/report.ts'
import { parseDuration } from '../core/timestamp.ts'
import { beginAnswer, type Problem, parameterProblem, sendJson, sendJsonText, sendProblem } from '../problem.ts'
import { inSlices } from '../slices.ts'
import type { AgentPerformanceTracker } from '../tracker.ts'
import { jsonPieces } from './json-pieces.ts'
import { type Asked, parameters, readQuestion } from './parameters.ts'

export interface QueryOptions {
  readonly tracker: AgentPerformanceTracker
  /** Whether metrics may be reset over HTTP. */
  readonly admin: boolean
}

/** Routes under `/api/v1`, GET but for the reset. A rejection reaches express as an error. */
export function createQueryRoutes({ tracker, admin }: QueryOptions): express.Router {
  const router = express.Router({ caseSensitive: true, strict: true })

  function ask<T extends object>(
    path: string,
    schema: z.ZodType<T>,
    answer: (asked: Asked<T>, res: express.Response, name: string) => Promise<void>,
  ): void {
    router.get(path, async (req, res) => {
      const asked = readQuestion(schema, req, tracker.nowMs)
      if ('status' in asked) return sendProblem(res, asked)
      await answer(asked, res, String(req.params.name)).catch(error => {
        const problem = questionProblem(error)
        if (problem === undefined) throw error
        sendProblem(res, problem)
      })
    })
  }

  ask('/success-rate', parameters.successRate, async ({ parameters: asked, filter, range }, res) => {
    const summaries = await tracker.summaries(range, filter)
    const grouping = asked.group_by ?? defaultGrouping(filter)
    if (grouping === undefined) sendJson(res, 200, overallRate(summaries))
    else await sendPieces(res, printGroupedRates(summaries, grouping))
  })

  ask('/best-agent', parameters.bestAgent, async ({ parameters: asked, filter, range }, res) => {
    const summaries = await tracker.summaries(range, filter)
    const options = { minAttempts: asked.min_attempts, rankBy: asked.rank_by }
    const best = await inSlices(decidedBestSteps(summaries, options))
    if (best !== undefined) return sendAnswer(res, best)
    const detail = `no agent has ${asked.min_attempts} attempts or more at issue type "${asked.issue_type}"`
    sendProblem(res, { status: 404, detail })
  })

  ask('/model-comparison', parameters.modelComparison, async ({ parameters: asked }, res) => {
    await sendAnswer(res, await tracker.getModelComparison({ ...asked, minAttempts: asked.min_attempts }))
  })

  ask('/fair-comparison', parameters.fairComparison, async ({ parameters: asked }, res) => {
    await sendAnswer(res, await tracker.getFairComparison(asked.by, asked))
  })

  ask('/trends', parameters.trends, async ({ parameters: asked }, res) => {
    const intervalMs = asked.interval === undefined ? undefined : parseDuration(asked.interval)
    await sendAnswer(res, await tracker.getTrends({ ...asked, intervalMs }))
  })

  ask('/calibration', parameters.calibration, async ({ parameters: asked }, res) => {
    await sendAnswer(res, await tracker.getCalibration({ ...asked, groupBy: asked.group_by }))
  })

  ask('/costs', parameters.costs, async ({ parameters: asked }, res) => {
    await sendAnswer(res, await tracker.getCosts(asked))
  })

  ask('/experiments/:name', parameters.experiment, async ({ parameters: asked }, res, name) => {
    const report = await tracker.getExperiment(name, { ...asked, adaptive: asked.adaptive === 'true' })
    if (report !== undefined) return sendAnswer(res, report)
    const which = asked.baseline === undefined ? '' : `, or none with the variant "${asked.baseline}"`
    sendProblem(res, { status: 404, detail: `no attempt belongs to an experiment of that name${which}` })
  })

  ask('/route', parameters.route, async ({ parameters: asked }, res) => {
    const seed = asked.explore === 'true' ? (asked.seed ?? randomUUID()) : undefined
    const halfLifeMs = asked.half_life === undefined ? undefined : parseDuration(asked.half_life)
    const minAttempts = asked.min_attempts
    await sendAnswer(res, await tracker.getRoute(asked.issue_type, { ...asked, seed, halfLifeMs, minAttempts }))
  })

  ask('/report', parameters.report, async ({ parameters: asked }, res) => {
    await sendAnswer(res, await tracker.generatePerformanceReport(asked))
  })

  ask('/metrics', parameters.metrics, async ({ parameters: asked, filter, range }, res) => {
    const summaries = await tracker.summaries(range, filter)
    const withRecent = asked.recent === 'true'
    await sendPieces(
      res,
      printDocument(summaries, tracker.now(), one => agentMetrics(one, withRecent)),
    )
  })

  ask('/attempts', parameters.attempts, async ({ parameters: asked, filter, range }, res) => {
    const { limit, cursor, order } = asked
    const withIds = asked.with_ids === 'true'
    const page = await tracker.attempts({ ...filter, range, limit, cursor, order, withIds }).catch(badCursor)
    if ('status' in page) sendProblem(res, page)
    else sendJson(res, 200, page)
  })

  router.delete('/metrics', async (req, res) => {
    const asked = readQuestion(parameters.none, req, tracker.nowMs)
    if ('status' in asked) return sendProblem(res, asked)
    if (!admin)
      return sendProblem(res, { status: 403, detail: 'metrics can be reset only on a sidecar started with --admin' })
    await tracker.resetMetrics()
    sendJson(res, 200, { reset: true })
  })

  return router
}

/** What is wrong with a question that was read, but cannot be answered; undefined for any other error. */
function questionProblem(error: unknown): Problem | undefined {
  if (error instanceof RangeNotHeld) return parameterProblem([{ name: 'since', detail: error.detail }])
  return error instanceof ExperimentNotTold
    ? { status: 404, detail: error.message, more: { setting: 'max-arms' } }
    : undefined
}

function badCursor(error: unknown): ReturnType<typeof parameterProblem> {
  if (error instanceof RangeError) return parameterProblem([{ name: 'cursor', detail: error.message }])
  throw error
}

/** Sends an answer as JSON: one about thousands of keys is printed in pieces. */
async function sendAnswer(res: express.Response, answer: object): Promise<void> {
  await sendPieces(res, jsonPieces(answer))
}

/** How long an answer is made before others have their turn. */
const SLICE_MS = 2

/**
 * Sends JSON that is made piece by piece: in one write where that is soon done, else as fast as the client reads it, and letting
 * others work in between.
 */
async function sendPieces(res: express.Response, pieces: Iterator<string>): Promise<void> {
  const first = nextSlice(pieces)
  if (first.done) return sendJsonText(res, 200, first.text)
  beginAnswer(res, 200, ['Content-Type', 'application/json'])
  try {
    await pipeline(slicesFrom(first, pieces), res)
  } catch (error) {
    // A client that went away needs no answer.
    if (!res.destroyed) throw error
  }
}

async function* slicesFrom(first: Slice, pieces: Iterator<string>): AsyncGenerator<string> {
  for (let slice = first; ; slice = nextSlice(pieces)) {
    yield slice.text
    if (slice.done) return
    await nextTurn()
  }
}

interface Slice {
  readonly text: string
  readonly done: boolean
}

/** What can be made in a slice of time. */
function nextSlice(pieces: Iterator<string>): Slice {
  const endMs = performance.now() + SLICE_MS
  let text = ''
  while (performance.now() < endMs) {
    const { value, done } = pieces.next()
    if (done) return { text, done }
    text += value
  }
  return { text, done: false }
}
