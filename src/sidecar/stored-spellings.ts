/** Warns of attempts that were recorded under a spelling before it became an alias. */
import type { Logger } from 'pino'
import { type ModelAliases, modelNameOf } from '../core/attempt/model-aliases.ts'
import type { Store } from '../core/ports.ts'
import { forEachKey } from '../core/steps.ts'
import { runYielding } from '../lib/event-loop.ts'

interface Stored {
  readonly store: Pick<Store, 'summaries'>
  readonly aliases: ModelAliases
  readonly log: Logger
}

/** Models that one line of the log names. */
const MAX_NAMED = 20

/** Logs which stored models are spellings now. They stay keys of their own, because aliases apply to new attempts only. */
export async function logStoredSpellings(file: string | undefined, { store, aliases, log }: Stored): Promise<void> {
  if (aliases.size === 0) return
  const models = new Map<string, string>()
  const steps = forEachKey(await store.summaries(), ({ key }) => {
    const name = modelNameOf(aliases, key.model_name)
    if (name !== key.model_name) models.set(key.model_name, name)
  })
  await runYielding(steps)
  if (models.size === 0) return
  const named = [...models]
    .slice(0, MAX_NAMED)
    .map(([model, name]) => `${JSON.stringify(model)} of ${JSON.stringify(name)}`)
  const more = models.size > MAX_NAMED ? ` and ${models.size - MAX_NAMED} more` : ''
  log.warn(
    `the store holds attempts under spellings that ${file} now renames: ${named.join(', ')}${more}. They stay apart from new attempts. To join them, build a new store and start from it: agent-performance export | agent-performance import - --store NEW --model-aliases ${file}`,
  )
}
