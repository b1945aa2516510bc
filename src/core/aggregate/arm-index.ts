/** The arms of experiments, bounded: beyond the bound arms are not told apart, first within their experiment and then at all. */

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
  /** Arms that are told apart, of one experiment or of all. */
  told(experiment?: string): readonly Entry[]
  clear(): void
}

export function createArmIndex<Entry extends Arm>({ overflow, create }: ArmIndexOptions<Entry>): ArmIndex<Entry> {
  const experiments = new Map<string, Map<string, Entry>>()
  let [toldCount, overflowCount] = [0, 0]
  const find = (experiment: string, variant: string): Entry | undefined => experiments.get(experiment)?.get(variant)

  function hold(experiment: string, variant: string): Entry {
    const variants = experiments.get(experiment) ?? new Map<string, Entry>()
    const known = variants.get(variant)
    if (known !== undefined) return known
    const arm = create(experiment, variant)
    experiments.set(experiment, variants.set(variant, arm))
    if (variant === overflow) overflowCount++
    else toldCount++
    return arm
  }

  const all = (): Entry[] => [...experiments.values()].flatMap(variants => [...variants.values()])

  return {
    find,
    hold,
    open(experiment, variant, maxArms) {
      const known = find(experiment, variant)
      if (known !== undefined) return known
      if (toldCount < maxArms && variant !== overflow) return hold(experiment, variant)
      const own = find(experiment, overflow)
      if (own !== undefined) return own
      return overflowCount < maxArms ? hold(experiment, overflow) : hold(overflow, overflow)
    },
    counted: (experiment, variant) =>
      find(experiment, variant) ?? find(experiment, overflow) ?? find(overflow, overflow),
    all,
    told(experiment) {
      const arms = experiment === undefined ? all() : [...(experiments.get(experiment)?.values() ?? [])]
      return arms.filter(({ variant }) => variant !== overflow)
    },
    clear() {
      experiments.clear()
      toldCount = 0
      overflowCount = 0
    },
  }
}
