/** The arms of experiments. Beyond a bound, further arms share an overflow arm: first that of their experiment, then one for all. */

/** What an index holds: anything of one arm. */
interface Arm {
  readonly experiment: string
  readonly variant: string
}

export interface ArmIndexOptions<Entry extends Arm> {
  /** The variant of overflow arms, and the experiment of the last of them. */
  readonly overflow: string
  readonly create: (experiment: string, variant: string) => Entry
}

export interface ArmIndex<Entry extends Arm> {
  find(experiment: string, variant: string): Entry | undefined
  /** An arm, made where it is not there, whatever the bound. */
  hold(experiment: string, variant: string): Entry
  /** An arm, made where it is new and the bound allows it; else the overflow arm of its experiment, or of all. */
  open(experiment: string, variant: string, maxArms: number): Entry
  /** The arm that an attempt was counted under: without making one. */
  counted(experiment: string, variant: string): Entry | undefined
  /** All arms, overflow arms included, in the order they came. */
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
    counted: (experiment, variant) =>
      find(experiment, variant) ?? find(experiment, overflow) ?? find(overflow, overflow),
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
