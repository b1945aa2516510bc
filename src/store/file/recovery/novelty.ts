/** Which records of forks the journal has. */
import { type ExperimentPlan, isSamePlan } from '../../../core/aggregate/experiment-plan.ts'
import { applyAlertChange, copyAlerts } from '../../../core/alerts/lifecycle.ts'
import { type FoldState, outcomeId } from '../../../core/fold.ts'
import type { ForkRecord, Novelty } from './merge-forks.ts'

/**
 * Compares records, in their order, with the state of the journal and with earlier records of forks. An attempt without an id and points are
 * always new: nothing can tell. Of two plans, that of the journal stays.
 */
export function createNovelty({
  ids,
  alerts,
  tally,
}: Pick<FoldState, 'ids' | 'alerts' | 'tally'>): (record: ForkRecord) => Novelty {
  const seen = new Set<string>()
  const merged = copyAlerts(alerts)
  const plans = new Map<string, ExperimentPlan>()

  function isKnown(id: string, idMs: number): boolean {
    const isOld = seen.has(id) || ids.has(id, idMs)
    seen.add(id)
    return isOld
  }

  function noveltyOfPlan(experiment: string, plan: ExperimentPlan): Novelty {
    const merged = plans.get(experiment)
    const kept = tally.plans.get(experiment)
    if (isSamePlan(merged ?? kept, plan)) return 'known'
    if (merged === undefined && kept !== undefined) return 'contrary'
    plans.set(experiment, plan)
    return 'new'
  }

  return record => {
    switch (record.kind) {
      case 'attempt': {
        const { attempt_id } = record.attempt
        return attempt_id !== undefined && isKnown(attempt_id, record.idMs) ? 'known' : 'new'
      }
      case 'points':
        return 'new'
      case 'outcome':
        return isKnown(outcomeId(record), record.idMs) ? 'known' : 'new'
      case 'alert':
        return applyAlertChange(merged, record.change, record.nowMs) ? 'new' : 'known'
      case 'plan':
        return noveltyOfPlan(record.experiment, record.plan)
    }
  }
}
