/** PUT /api/v1/experiments/{name}: stores what somebody states of an experiment. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import type { ExperimentPlan } from '../core/aggregate/experiment-plan.ts'
import { parseTimestamp, printTimestamp } from '../core/attempt/timestamp.ts'
import { nameProblem } from '../core/attempt/validation.ts'
import { planProblem } from '../core/reports/planned-arms.ts'
import { readShares } from '../core/reports/shares.ts'
import { queryOf } from '../server/paths.ts'
import { type Problem, parameterProblem, sendJson, sendProblem } from '../server/problem.ts'
import { type Body, createBodyReader, createInFlight, mediaOf } from './body.ts'
import { parseJson, withoutMark } from './json.ts'
import { storeProblem } from './receiving.ts'

/** A plan of 100 variants with the longest names takes 60 KB. */
const MAX_PLAN_BYTES = 128 * 1024
/** Plans that are read at the same time. */
const MAX_PLANS = 16

/** A plan in JSON. Null states nothing, as a missing member does. */
export interface PlanJson {
  /** By variant, above 0, of any sum. */
  readonly shares?: Readonly<Record<string, number>> | null | undefined
  readonly baseline?: string | null | undefined
  /** RFC 3339. */
  readonly end?: string | null | undefined
}

const problemOfShares = (value: unknown): string | undefined => {
  const read = readShares(value)
  return typeof read === 'string' ? read : undefined
}

export const planSchema: z.ZodType<PlanJson> = z
  .strictObject({
    shares: z
      .custom<Readonly<Record<string, number>>>(value => problemOfShares(value) === undefined, {
        error: ({ input }) => problemOfShares(input) ?? '',
      })
      .meta({
        type: 'object',
        additionalProperties: { type: 'number', exclusiveMinimum: 0 },
        description: 'The intended share of each variant, of any sum: 2 to 100 variants.',
      })
      .nullish(),
    baseline: z
      .string('must be a name')
      .refine(value => nameProblem(value) === undefined, { error: ({ input }) => nameProblem(input) ?? '' })
      .meta({ description: 'The variant that others are compared with. One of shares, where they are stated.' })
      .nullish(),
    end: z
      .string('must be an RFC 3339 time')
      .refine(value => parseTimestamp(value) !== undefined, 'must be an RFC 3339 time such as 2026-01-31T12:00:00Z')
      .meta({ description: 'Attempts that ended from then on (RFC 3339) do not count in the experiment.' })
      .nullish(),
  })
  .meta({
    id: 'ExperimentPlan',
    description: 'What is intended with an experiment. It replaces the plan before; {} removes it.',
  })

/** The tracker, as this handler sees it. */
export interface PlanKeeper {
  putExperimentPlan(experiment: string, plan: ExperimentPlan): Promise<'stored' | 'full'>
}

export interface PlanHandlerOptions {
  readonly keeper: PlanKeeper
  /** Whether plans may be stored over HTTP. */
  readonly admin: boolean
  readonly requestTimeoutMs: number
  readonly maxBodyBytes: number
  readonly maxInFlightBytes: number
}

/** Handles one request; `name` is the decoded name of the experiment. Rejects on a defect of ours. */
export type HandlePlan = (req: IncomingMessage, res: ServerResponse, name: string) => Promise<void>

export function createPlanHandler({ keeper, admin, ...limits }: PlanHandlerOptions): HandlePlan {
  const maxBodyBytes = Math.min(limits.maxBodyBytes, MAX_PLAN_BYTES)
  const inFlight = createInFlight(Math.min(limits.maxInFlightBytes, MAX_PLANS * MAX_PLAN_BYTES))
  const readBody = createBodyReader({ ...limits, maxBodyBytes, inFlight })

  async function answer(req: IncomingMessage, name: string): Promise<object | Problem> {
    const refusal = refuse(req, name, admin)
    if (refusal !== undefined) return refusal
    const media = mediaOf(req, ['application/json'])
    if ('status' in media) return media
    const body = await new Promise<Body | Problem>(resolve => readBody(req, media.coding, resolve))
    if ('status' in body) return body
    const plan = parsePlan(body.bytes)
    body.release()
    if ('status' in plan) return plan
    const stored = await keeper.putExperimentPlan(name, plan).catch(storeProblem)
    if (typeof stored === 'object') return stored
    return stored === 'full' ? FULL : printPlan(name, plan)
  }

  return async (req, res, name) => {
    const answered = await answer(req, name)
    if ('status' in answered) sendProblem(res, answered)
    else sendJson(res, 200, answered)
  }
}

const FULL: Problem = {
  status: 409,
  detail:
    'as many plans of experiments are stored as --max-arms allows: remove one by storing {} for its experiment, or start the sidecar with a higher --max-arms',
}

function refuse(req: IncomingMessage, name: string, admin: boolean): Problem | undefined {
  if (!admin) return { status: 403, detail: 'experiments can be changed only on a sidecar started with --admin' }
  const [unknown] = queryOf(req).keys()
  if (unknown !== undefined)
    return parameterProblem([{ name: unknown.slice(0, 100), detail: 'is not a parameter here' }])
  const problem = nameProblem(name)
  return problem === undefined ? undefined : parameterProblem([{ name: 'name', detail: problem }])
}

function parsePlan(bytes: Buffer): ExperimentPlan | Problem {
  const parsed = parseJson(withoutMark(bytes))
  if (!parsed.ok)
    return { status: 400, detail: `the body is not JSON: ${parsed.detail}`, logged: 'the body is not JSON' }
  const checked = planSchema.safeParse(parsed.value)
  if (!checked.success) return invalid(checked.error.issues)
  const { shares, baseline, end } = checked.data
  const read = shares == null ? undefined : readShares(shares)
  const plan: ExperimentPlan = {
    shares: typeof read === 'string' ? undefined : read,
    baseline: baseline ?? undefined,
    endMs: end == null ? undefined : parseTimestamp(end)?.ms,
  }
  const problem = planProblem(plan)
  return problem === undefined ? plan : invalid([{ path: ['baseline'], message: problem }])
}

function invalid(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): Problem {
  const errors = issues.map(({ path, message }) => ({
    index: 0,
    pointer: path.map(part => `/${String(part)}`).join(''),
    detail: message,
  }))
  return { status: 400, detail: 'the plan is not as documented: nothing was stored', errors }
}

/** The answer: the plan as it is stored. */
function printPlan(experiment: string, { shares, baseline, endMs }: ExperimentPlan): object {
  return {
    experiment,
    shares: shares === undefined ? null : Object.fromEntries(shares),
    baseline: baseline ?? null,
    end: endMs === undefined ? null : printTimestamp({ ms: endMs, local: false }),
  }
}
