/** Lets questions name a model by any of its spellings: attempts are stored under its name only. */
import { type ModelAliases, modelNameOf } from '../core/attempt/model-aliases.ts'
import type { KeyFilter } from '../core/ports.ts'
import type { Facts } from './question.ts'

/** The same facts, whose filters may hold a spelling of a model. The aliases are read at every question, because they may be replaced. */
export function acceptSpellings(facts: Facts, modelAliases: () => ModelAliases): Facts {
  const nameOf = (spelling: string): string => modelNameOf(modelAliases(), spelling)
  function named<Filter extends KeyFilter>(filter: Filter): Filter {
    const { model_name } = filter
    return model_name === undefined ? filter : { ...filter, model_name: nameOf(model_name) }
  }
  return {
    summaries: (range, filter = {}, ...more) => facts.summaries(range, named(filter), ...more),
    arms: (experiment, range, filter = {}, ...more) => facts.arms(experiment, range, named(filter), ...more),
    overflowedArms: (experiment, range, filter = {}) => facts.overflowedArms(experiment, range, named(filter)),
    attempts: query => facts.attempts(named(query)),
    experiments: () => facts.experiments(),
    experimentPlan: experiment => facts.experimentPlan(experiment),
    coverage: sinceMs => facts.coverage(sinceMs),
    clip: range => facts.clip(range),
    asOf: () => facts.asOf(),
    health: () => facts.health(),
    usage: () => facts.usage(),
    firingAlerts: () => facts.firingAlerts(),
    alertSettings: facts.alertSettings,
    modelNameOf: nameOf,
  }
}
