/** To whom the next issue should go: a ranked list, with the evidence for each place. */

import { averageTime, successes, totalAttempts } from '../aggregate/summary.ts'
import { type AttemptKey, keyId } from '../attempt/attempt.ts'
import type { Coverage, KeySummary, TimeRange } from '../ports.ts'
import { type Constraints, type Exclusion, halfLifeWeight, type Route, rankSteps } from '../statistics/ranking.ts'
import { KEYS_PER_STEP, runToCompletion, type Steps } from '../steps.ts'
import { costAnswer } from './cost-report.ts'
import { type Rate, rate } from './rate.ts'
import { intervalsBetween } from './trends.ts'

/** One agent and model, and how it stands. */
export interface RouteAnswer extends Rate {
  readonly agent_name: string
  readonly model_name: string
  /** Wilson's lower bound of the rate, in percent. */
  readonly lower_bound: number
  /** Probability, 0 to 1, that its true rate is the highest of those ranked. */
  readonly p_best: number
  /** The rate drawn for it when exploring, in percent; else null. */
  readonly draw: number | null
  readonly expected_cost_per_success_usd: number | null
  readonly avg_time_seconds: number
}

export interface RoutingReport {
  readonly issue_type: string
  readonly explore: boolean
  /** The same seed and the same evidence give the same draw; null without exploration. */
  readonly seed: string | null
  /** The one to take first. */
  readonly ranked: readonly RouteAnswer[]
  readonly excluded: readonly {
    readonly agent_name: string
    readonly model_name: string
    readonly reason: Exclusion
  }[]
}

export interface RoutingOptions extends Constraints {
  /** Draw by Thompson sampling with this seed, instead of ranking by the lower bound. */
  readonly seed?: string | undefined
}

/** A key with the evidence that still counts: fractions of attempts where it was discounted. */
export interface RouteEvidence {
  readonly one: KeySummary
  readonly successes: number
  readonly attempts: number
}

/** Ranks the keys of one issue type. */
export function routingReport(
  issue_type: string,
  evidence: readonly RouteEvidence[],
  options: RoutingOptions = {},
): RoutingReport {
  return runToCompletion(routingSteps(issue_type, evidence, options))
}

/** {@link routingReport} in steps. */
export function* routingSteps(
  issue_type: string,
  evidence: readonly RouteEvidence[],
  { seed, ...constraints }: RoutingOptions = {},
): Steps<RoutingReport> {
  const byId = new Map<string, KnownRoute>()
  for (const each of evidence) {
    const route = knownRoute(each)
    byId.set(route.id, route)
    yield
  }
  const { ranked, excluded } = yield* rankSteps([...byId.values()], constraints, seed)
  const answers: RouteAnswer[] = []
  for (const { id, ...place } of ranked) {
    answers.push(routeAnswer(byId.get(id)!, place))
    if (answers.length % KEYS_PER_STEP === 0) yield
  }
  return {
    issue_type,
    explore: seed !== undefined,
    seed: seed ?? null,
    ranked: answers,
    excluded: excluded.map(({ id, reason }) => {
      const { agent_name, model_name } = byId.get(id)!.key
      return { agent_name, model_name, reason }
    }),
  }
}

/** What is told of a route beside its place, read at one moment. */
interface KnownRoute extends Route {
  readonly key: AttemptKey
  readonly rate: Rate
  readonly avg_time_seconds: number
}

function knownRoute({ one: { key, summary }, successes: good, attempts }: RouteEvidence): KnownRoute {
  return {
    // A draw depends on the route's name, so that it stays the same when another route joins.
    id: keyId(key),
    successes: good,
    attempts,
    cost_per_success_usd: costAnswer(summary).cost_per_success?.cost_usd ?? null,
    key,
    rate: rate(successes(summary), totalAttempts(summary)),
    avg_time_seconds: averageTime(summary),
  }
}

function routeAnswer(
  { key, rate, cost_per_success_usd, avg_time_seconds }: KnownRoute,
  place: Pick<RouteAnswer, 'lower_bound' | 'p_best' | 'draw'>,
): RouteAnswer {
  return {
    agent_name: key.agent_name,
    model_name: key.model_name,
    ...rate,
    ...place,
    expected_cost_per_success_usd: cost_per_success_usd,
    avg_time_seconds,
  }
}

/** Evidence older than this many half-lives weighs less than a thousandth, and is left out. */
const HALF_LIVES = 10
/** The first moment of the year 0: no timestamp is earlier. */
const EARLIEST_MS = -62_167_219_200_000

/** Spans back from now and what an attempt in each still weighs; together they cover ten half-lives. */
export function discountWindows(
  nowMs: number,
  halfLifeMs: number,
  coverageAt?: (sinceMs: number) => Coverage,
): readonly { readonly range: TimeRange; readonly weight: number }[] {
  const wantedMs = Math.max(nowMs - HALF_LIVES * halfLifeMs, EARLIEST_MS)
  const coverage = coverageAt?.(wantedMs)
  const sinceMs = Math.max(wantedMs, coverage?.earliestMs ?? wantedMs)
  const spans = intervalsBetween(sinceMs, nowMs, nowMs, halfLifeMs / 8, coverage)
  return spans.map((range, i) => ({
    // Open at the end: a sender's clock may be a little ahead of ours.
    range: i === spans.length - 1 ? { ...range, untilMs: Number.POSITIVE_INFINITY } : range,
    weight: halfLifeWeight(nowMs - (range.sinceMs + range.untilMs) / 2, halfLifeMs),
  }))
}
