/** The documented questions over HTTP. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import express from 'express'
import type { z } from 'zod'
import { agentMetrics, printDocument } from '../core/aggregate/metrics.ts'
import { parseDuration } from '../core/attempt/timestamp.ts'
import { ExperimentNotTold, RangeNotHeld } from '../core/ports.ts'
import { decidedBestSteps } from '../core/reports/best-agent.ts'
import { defaultGrouping, overallRateSteps, printGroupedRates } from '../core/reports/grouped-rates.ts'
import { runYielding } from '../lib/event-loop.ts'
import { type Problem, parameterProblem, sendJson, sendProblem } from '../server/problem.ts'
import type { AgentPerformanceTracker } from '../tracker.ts'
import { jsonPieces } from './json-pieces.ts'
import { type Asked, parameters, readQuestion } from './parameters.ts'
import type { Questions } from './questions.ts'

export interface QueryOptions {
  readonly tracker: AgentPerformanceTracker
  readonly questions: Questions
  /** Whether metrics may be reset over HTTP. */
  readonly admin: boolean
}

/** A question, and the signal that its last asker has gone. */
type Stoppable<T> = Asked<T> & { readonly signal: AbortSignal }

/** Routes under `/api/v1`, GET but for the reset. A rejection reaches express as an error. */
export function createQueryRoutes({ tracker, questions, admin }: QueryOptions): express.Router {
  const router = express.Router({ caseSensitive: true, strict: true })

  /** Answers of which one is worked out for all who ask for the same, unless `isOwn` says that every asker gets its own. */
  function ask<T extends object>(
    path: string,
    schema: z.ZodType<T>,
    make: (asked: Stoppable<T>, name: string) => Promise<Iterator<string> | Problem>,
    isOwn: (parameters: T) => boolean = () => false,
  ): void {
    router.get(path, async (req, res) => {
      const asked = readQuestion(schema, req, tracker.nowMs)
      if ('status' in asked) return sendProblem(res, asked)
      const key = isOwn(asked.parameters) ? undefined : keyOf(req)
      await questions.answer(res, key, signal => read(schema, req, signal, one => make(one, String(req.params.name))))
    })
  }

  /** Reads the question again when the work on it begins: a range up to now ends then, and not when the question came. */
  async function read<T extends object>(
    schema: z.ZodType<T>,
    req: IncomingMessage,
    signal: AbortSignal,
    make: (asked: Stoppable<T>) => Promise<Iterator<string> | Problem>,
  ): Promise<Iterator<string> | Problem> {
    const asked = readQuestion(schema, req, tracker.nowMs)
    return 'status' in asked ? asked : make({ ...asked, signal }).catch(questionProblem)
  }

  ask('/success-rate', parameters.successRate, async ({ parameters: asked, filter, range, signal }) => {
    const summaries = await tracker.summaries(range, filter, signal)
    const grouping = asked.group_by ?? defaultGrouping(filter)
    if (grouping !== undefined) return printGroupedRates(summaries, grouping)
    return jsonPieces(await runYielding(overallRateSteps(summaries), signal))
  })

  ask('/best-agent', parameters.bestAgent, async ({ parameters: asked, filter, range, signal }) => {
    const summaries = await tracker.summaries(range, filter, signal)
    const options = { minAttempts: asked.min_attempts, rankBy: asked.rank_by }
    const best = await runYielding(decidedBestSteps(summaries, options), signal)
    if (best !== undefined) return jsonPieces(best)
    const detail = `no agent has ${asked.min_attempts} attempts or more at issue type "${asked.issue_type}"`
    return { status: 404, detail }
  })

  ask('/model-comparison', parameters.modelComparison, async ({ parameters: asked, signal }) =>
    jsonPieces(await tracker.getModelComparison({ ...asked, minAttempts: asked.min_attempts, signal })),
  )

  ask('/fair-comparison', parameters.fairComparison, async ({ parameters: asked, signal }) =>
    jsonPieces(await tracker.getFairComparison(asked.by, { ...asked, signal })),
  )

  ask('/trends', parameters.trends, async ({ parameters: asked, signal }) => {
    const intervalMs = asked.interval === undefined ? undefined : parseDuration(asked.interval)
    return jsonPieces(await tracker.getTrends({ ...asked, intervalMs, signal }))
  })

  ask('/calibration', parameters.calibration, async ({ parameters: asked, signal }) =>
    jsonPieces(await tracker.getCalibration({ ...asked, groupBy: asked.group_by, signal })),
  )

  ask('/costs', parameters.costs, async ({ parameters: asked, signal }) =>
    jsonPieces(await tracker.getCosts({ ...asked, signal })),
  )

  ask('/experiments/:name', parameters.experiment, async ({ parameters: asked, signal }, name) => {
    const report = await tracker.getExperiment(name, { ...asked, adaptive: asked.adaptive === 'true', signal })
    if (report !== undefined) return jsonPieces(report)
    const which = asked.baseline === undefined ? '' : `, or none with the variant "${asked.baseline}"`
    return { status: 404, detail: `no attempt belongs to an experiment of that name${which}` }
  })

  ask(
    '/route',
    parameters.route,
    async ({ parameters: asked, signal }) => {
      const seed = asked.explore === 'true' ? (asked.seed ?? randomUUID()) : undefined
      const halfLifeMs = asked.half_life === undefined ? undefined : parseDuration(asked.half_life)
      const options = { ...asked, seed, halfLifeMs, minAttempts: asked.min_attempts, signal }
      return jsonPieces(await tracker.getRoute(asked.issue_type, options))
    },
    // Who explores draws a seed of its own.
    ({ explore, seed }) => explore === 'true' && seed === undefined,
  )

  ask('/report', parameters.report, async ({ parameters: asked, signal }) =>
    jsonPieces(await tracker.generatePerformanceReport({ ...asked, signal })),
  )

  ask('/attempts', parameters.attempts, async ({ parameters: asked, filter, range, signal }) => {
    const { limit, cursor, order } = asked
    const withIds = asked.with_ids === 'true'
    const page = await tracker.attempts({ ...filter, range, limit, cursor, order, withIds, signal }).catch(badCursor)
    return 'status' in page ? page : jsonPieces(page)
  })

  router.get('/metrics', async (req, res) => {
    const asked = readQuestion(parameters.metrics, req, tracker.nowMs)
    if ('status' in asked) return sendProblem(res, asked)
    await questions.stream(res, signal =>
      read(parameters.metrics, req, signal, async ({ parameters: { recent }, filter, range }) => {
        const summaries = await tracker.summaries(range, filter, signal)
        return printDocument(summaries, tracker.now(), one => agentMetrics(one, recent === 'true'))
      }),
    )
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

/** What is wrong with a question that was read, but cannot be answered. Throws any other error again. */
function questionProblem(error: unknown): Problem {
  if (error instanceof RangeNotHeld) return parameterProblem([{ name: 'since', detail: error.detail }])
  if (error instanceof ExperimentNotTold) return { status: 404, detail: error.message, more: { setting: 'max-arms' } }
  throw error
}

function badCursor(error: unknown): ReturnType<typeof parameterProblem> {
  if (error instanceof RangeError) return parameterProblem([{ name: 'cursor', detail: error.message }])
  throw error
}

/** What equal questions have in common: the path, and the parameters in whatever order they were given. */
function keyOf(req: IncomingMessage): string {
  const [path, query] = (req.url ?? '').split('?', 2)
  const given = new URLSearchParams(query)
  given.sort()
  return `${path}?${given}`
}
