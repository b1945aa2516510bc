/** What somebody stated of an experiment: its intended shares, its baseline and its end. */
export interface ExperimentPlan {
  /** The intended share of each variant, above 0, of any sum. Undefined: equal shares of the variants that are seen. */
  readonly shares?: ReadonlyMap<string, number> | undefined
  /** The variant that others are compared with. Undefined: the one with the earliest attempt. */
  readonly baseline?: string | undefined
  /** Attempts from this time on count in no answer about the experiment. Milliseconds since the epoch. */
  readonly endMs?: number | undefined
}

/** A plan as it is stored, in JSON. Shares are pairs, because a variant may be named `__proto__`. */
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

/** Whether both state the same. A missing plan equals one that states nothing. */
export function isSamePlan(a: ExperimentPlan = {}, b: ExperimentPlan = {}): boolean {
  return JSON.stringify(storedPlan(a)) === JSON.stringify(storedPlan(b))
}

/** Whether it states nothing: storing it removes the plan of its experiment. */
export const isEmptyPlan = (plan: ExperimentPlan): boolean => isSamePlan(plan, {})

/** Plans by the name of their experiment. */
export interface ExperimentPlans extends ReadonlyMap<string, ExperimentPlan> {
  /**
   * Stores a plan in place of the one before; one that states nothing removes it. False where nothing changes, or where
   * there are `maxPlans` plans of other experiments.
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
