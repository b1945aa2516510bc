/** The stored plan of an experiment: its intended shares, its baseline and its end. */
export interface ExperimentPlan {
  /** The intended share of each variant. Shares are above 0 and have any sum. Undefined for equal shares of all variants with attempts. */
  readonly shares?: ReadonlyMap<string, number> | undefined
  /** The variant that the others are compared with. Undefined for the one with the earliest attempt. */
  readonly baseline?: string | undefined
  /** Attempts from this time on do not count in answers about the experiment. Milliseconds since the epoch. */
  readonly endMs?: number | undefined
}

/** The stored JSON of a plan. Shares are pairs, because a variant may be named `__proto__`. */
export interface StoredPlan {
  readonly shares?: readonly (readonly [variant: string, share: number])[] | undefined
  readonly baseline?: string | undefined
  readonly endMs?: number | undefined
}

export function storedPlan({ shares, baseline, endMs }: ExperimentPlan): StoredPlan {
  return { shares: shares && [...shares], baseline, endMs }
}

export function planOf({ shares, baseline, endMs }: StoredPlan): ExperimentPlan {
  return { shares: shares && new Map(shares), baseline, endMs }
}

/** Whether two plans are equal. A missing plan equals an empty one. */
export function isSamePlan(a: ExperimentPlan = {}, b: ExperimentPlan = {}): boolean {
  return JSON.stringify(storedPlan(a)) === JSON.stringify(storedPlan(b))
}

/** Whether the plan is empty. Storing an empty plan removes the plan of its experiment. */
export const isEmptyPlan = (plan: ExperimentPlan): boolean => isSamePlan(plan, {})

/** Plans by the name of their experiment. */
export interface ExperimentPlans extends ReadonlyMap<string, ExperimentPlan> {
  /**
   * Replaces the plan of an experiment. An empty plan removes it. Returns false if nothing changes, or if there are `maxPlans` plans of
   * other experiments.
   */
  put(experiment: string, plan: ExperimentPlan, maxPlans: number): boolean
  clear(): void
}

export function createExperimentPlans(): ExperimentPlans {
  return new StoredPlans()
}

class StoredPlans extends Map<string, ExperimentPlan> implements ExperimentPlans {
  put(experiment: string, plan: ExperimentPlan, maxPlans: number): boolean {
    if (isSamePlan(this.get(experiment), plan)) return false
    if (isEmptyPlan(plan)) return this.delete(experiment)
    if (!this.has(experiment) && this.size >= maxPlans) return false
    this.set(experiment, plan)
    return true
  }
}
