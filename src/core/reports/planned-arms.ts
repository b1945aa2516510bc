/** The arms of an experiment according to its plan: their order, their baseline and their shares. */
import type { ExperimentPlan } from '../aggregate/experiment-plan.ts'

/** An arm, and the time of its earliest attempt in milliseconds since the epoch. Infinity without any. */
interface Timed {
  readonly variant: string
  readonly firstMs: number
}

/**
 * All arms, the baseline first. The baseline is the stated one, else the one with the earliest attempt by its own time, so
 * that the order of receipt changes nothing. Variants that the plan names and that have no attempts come from `create`.
 * Undefined if there is no arm, or `baseline` is none of them.
 */
export function orderedArms<Arm extends Timed>(
  arms: readonly Arm[],
  plan: ExperimentPlan,
  create: (variant: string) => Arm,
  baseline?: string,
): readonly [Arm, ...Arm[]] | undefined {
  const seen = new Set(arms.map(({ variant }) => variant))
  const named = [...(plan.baseline === undefined ? [] : [plan.baseline]), ...(plan.shares?.keys() ?? [])]
  const unseen = new Set(named.filter(variant => !seen.has(variant)))
  const all = [...arms, ...[...unseen].map(create)]
  const stated = baseline ?? plan.baseline
  const first =
    stated === undefined
      ? all.reduce<Arm | undefined>(
          (best, arm) => (best !== undefined && best.firstMs <= arm.firstMs ? best : arm),
          undefined,
        )
      : all.find(({ variant }) => variant === stated)
  return first === undefined ? undefined : [first, ...all.filter(arm => arm !== first)]
}

/**
 * The intended share of each arm. Without stated shares, equal for all arms with attempts: a variant that has ended, or that
 * the filter leaves out, is no mismatch. A variant without a stated share should have no attempts.
 */
export function intendedShares(
  arms: readonly { readonly variant: string; readonly attempts: number }[],
  shares: ExperimentPlan['shares'],
): readonly number[] {
  return arms.map(({ variant, attempts }) => (shares === undefined ? Number(attempts > 0) : (shares.get(variant) ?? 0)))
}

/** Why a plan contradicts itself. Undefined if it does not. */
export function planProblem({ shares, baseline }: ExperimentPlan): string | undefined {
  return shares !== undefined && baseline !== undefined && !shares.has(baseline)
    ? 'must be one of the variants of shares'
    : undefined
}
