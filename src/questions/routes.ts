/** The questions over HTTP. */
import type { IncomingMessage } from 'node:http'
import express from 'express'
import { ExperimentNotTold, RangeNotHeld } from '../core/ports.ts'
import { queryOf } from '../server/paths.ts'
import { type Problem, parameterProblem, sendJson, sendProblem } from '../server/problem.ts'
import type { QuestionsInFlight } from './in-flight.ts'
import { jsonPieces } from './json-pieces.ts'
import { parseQuery } from './parse-query.ts'
import { type Facts, InvalidParameters, type ParsedQuery, type Question } from './question.ts'
import { QUESTIONS } from './questions.ts'

/** The part of the tracker that the routes use. */
export interface QuestionSource {
  readonly nowMs: number
  facts(): Promise<Facts>
  resetMetrics(): Promise<void>
}

export interface QuestionRoutesOptions {
  readonly source: QuestionSource
  readonly questions: QuestionsInFlight
  /** Whether metrics may be reset over HTTP. */
  readonly admin: boolean
}

/** Routes under `/api/v1`: GET for every question, and the reset. A rejection reaches express as an error. */
export function createQuestionRoutes({ source, questions, admin }: QuestionRoutesOptions): express.Router {
  const router = express.Router({ caseSensitive: true, strict: true })

  function serve(question: Question): express.RequestHandler {
    return async (req, res) => {
      const query = parseRequest(question, req, source.nowMs)
      if (isProblem(query)) return sendProblem(res, query)
      const make = (signal: AbortSignal): Promise<Iterator<string> | Problem> => answer(question, req, signal)
      if (question.print !== undefined) return await questions.stream(res, make)
      await questions.answer(res, question.isUnique?.(query) ? undefined : keyOf(req), make)
    }
  }

  /** Parses the request again when the computation starts, so that a range up to now ends then, not at the receipt of the request. */
  async function answer(
    question: Question,
    req: express.Request,
    signal: AbortSignal,
  ): Promise<Iterator<string> | Problem> {
    const query = parseRequest(question, req, source.nowMs)
    if (isProblem(query)) return query
    try {
      const facts = await source.facts()
      if (question.print !== undefined) return await question.print(facts, query, signal)
      const answer = await question.run(facts, query, signal)
      if (answer !== undefined) return jsonPieces(answer as object)
      const reason = question.noAnswer?.(query) ?? 'there is no answer to this question'
      const hint = await question.noAnswerHint?.(facts, query, signal)
      return { status: 404, detail: hint === undefined ? reason : `${reason}: ${hint}` }
    } catch (error) {
      return problemOf(error)
    }
  }

  for (const question of QUESTIONS) {
    router.get(`/${question.path.replace(/\{(\w+)\}/g, ':$1')}`, serve(question))
  }

  router.delete('/metrics', async (req, res) => {
    const [unknown] = queryOf(req).keys()
    if (unknown !== undefined)
      return sendProblem(res, parameterProblem([{ name: unknown.slice(0, 100), detail: 'is not a parameter here' }]))
    if (!admin)
      return sendProblem(res, { status: 403, detail: 'metrics can be reset only on a sidecar started with --admin' })
    await source.resetMetrics()
    sendJson(res, 200, { reset: true })
  })

  return router
}

/** The query of a request, or the 400 that names every unknown, repeated or bad parameter. */
function parseRequest(question: Question, req: express.Request, nowMs: number): ParsedQuery | Problem {
  const given = new Map<string, string>()
  for (const [key, value] of queryOf(req)) {
    if (given.has(key)) return parameterProblem([{ name: key, detail: 'is given twice' }])
    if (key in req.params) return parameterProblem([{ name: key, detail: 'is not a parameter of this question' }])
    given.set(key, value)
  }
  try {
    return parseQuery(question, Object.fromEntries([...given, ...Object.entries(req.params)]), nowMs)
  } catch (error) {
    return problemOf(error)
  }
}

const isProblem = (parsed: ParsedQuery | Problem): parsed is Problem => 'status' in parsed

/** The problem that an error of a question means. Throws any other error again. */
function problemOf(error: unknown): Problem {
  if (error instanceof InvalidParameters) return parameterProblem(error.faults)
  if (error instanceof RangeNotHeld) return parameterProblem([{ name: 'since', detail: error.detail }])
  if (error instanceof ExperimentNotTold) return { status: 404, detail: error.message, more: { setting: 'max-arms' } }
  throw error
}

/** Equal for equal questions: the path, and the parameters in whatever order they were given. */
function keyOf(req: IncomingMessage): string {
  const [path, query] = (req.url ?? '').split('?', 2)
  const given = new URLSearchParams(query)
  given.sort()
  return `${path}?${given}`
}
