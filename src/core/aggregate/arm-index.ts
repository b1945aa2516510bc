/**
 * The arms of experiments. Beyond a limit, further arms share the overflow arm of their experiment. Beyond a second limit, they share a
 * single one.
 */

/** An entry of the index: any record of one arm. */
interface Arm {
  readonly experiment: string
  readonly variant: string
}

export interface ArmIndexOptions<Entry extends Arm> {
  /** The variant of overflow arms, and the experiment of the overflow arm that all experiments share. */
  readonly overflow: string
  readonly create: (experiment: string, variant: string) => Entry
}

export interface ArmIndex<Entry extends Arm> {
  find(experiment: string, variant: string): Entry | undefined
  /** An arm. Creates it if it does not exist, also beyond the limit. */
  hold(experiment: string, variant: string): Entry
  /** An arm. Creates it if it is new and the limit allows it. Otherwise returns the overflow arm of its experiment, or the shared one. */
  open(experiment: string, variant: string, maxArms: number): Entry
  /** The arms in which an attempt may have been counted, the most probable first. Never creates one. */
  holders(experiment: string, variant: string): readonly Entry[]
  /** All arms in the order they were added, with overflow arms. */
  all(): readonly Entry[]
  /** Arms without overflow arms, of one experiment or of all. */
  distinct(experiment?: string): readonly Entry[]
  clear(): void
}

export function createArmIndex<Entry extends Arm>({ overflow, create }: ArmIndexOptions<Entry>): ArmIndex<Entry> {
  const experiments = new Map<string, Map<string, Entry>>()
  let [distinctCount, overflowCount] = [0, 0]
  const find = (experiment: string, variant: string): Entry | undefined => experiments.get(experiment)?.get(variant)

  function hold(experiment: string, variant: string): Entry {
    const variants = experiments.get(experiment) ?? new Map<string, Entry>()
    const known = variants.get(variant)
    if (known !== undefined) return known
    const arm = create(experiment, variant)
    experiments.set(experiment, variants.set(variant, arm))
    if (variant === overflow) overflowCount++
    else distinctCount++
    return arm
  }

  const all = (): Entry[] => [...experiments.values()].flatMap(variants => [...variants.values()])

  return {
    find,
    hold,
    open(experiment, variant, maxArms) {
      const known = find(experiment, variant)
      if (known !== undefined) return known
      if (distinctCount < maxArms && variant !== overflow) return hold(experiment, variant)
      const own = find(experiment, overflow)
      if (own !== undefined) return own
      return overflowCount < maxArms ? hold(experiment, overflow) : hold(overflow, overflow)
    },
    holders: (experiment, variant) =>
      [find(experiment, variant), find(experiment, overflow), find(overflow, overflow)].filter(
        arm => arm !== undefined,
      ),
    all,
    distinct(experiment) {
      const arms = experiment === undefined ? all() : [...(experiments.get(experiment)?.values() ?? [])]
      return arms.filter(({ variant }) => variant !== overflow)
    },
    clear() {
      experiments.clear()
      distinctCount = 0
      overflowCount = 0
    },
  }
}
