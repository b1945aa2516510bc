/** Asks questions and records attempts in a store on this machine. */
import { type ModelAliases, NO_ALIASES } from '../core/attempt/model-aliases.ts'
import type { Clock } from '../core/ports.ts'
import type { ReadableStore } from '../store/backend.ts'
import { openStoreToRead } from '../store/open.ts'
import { AgentPerformanceTracker, type TrackerOptions } from '../tracker.ts'
import { CommandError, EXIT, systemCode } from './exit.ts'
import type { Output } from './io.ts'
import type { Source } from './source.ts'
import { warningsTo } from './warnings.ts'

export interface LocalOptions {
  /** `ask` opens an existing store read-only. `record` opens it as its only writer. */
  readonly use: 'ask' | 'record'
  /** A file of prices for recorded attempts, in addition to the built-in ones. */
  readonly prices?: string | undefined
  /** A file of the spellings of models by name. */
  readonly modelAliases?: string | undefined
  /** Receives a line for each problem found in the store. */
  readonly stderr: Output
}

/** Opens a store. Rejects if it cannot be read. `ask` rejects if it does not exist, `record` if another process has it open. */
export async function openLocal(store: string, options: LocalOptions): Promise<Source> {
  let tracker = options.use === 'ask' ? await openToAsk(store, options) : await openToRecord(store, options)
  return {
    ask: (path, parameters) => tracker.ask(path, parameters),
    record: attempts => tracker.keep([...attempts]),
    recordOutcomes: outcomes => tracker.keepOutcomes(outcomes),
    async adopt(document) {
      await tracker.close()
      const { importDocument } = await import('../store/import-document.ts')
      const aliases = await readAliases(options.modelAliases)
      const imported = await importDocument(store, document, { logger: warningsTo(options.stderr), aliases })
      // It folds the document, and a file store writes its own.
      tracker = await openToRecord(store, options)
      return imported
    },
    close: () => tracker.close(),
  }
}

async function openToAsk(store: string, { stderr, modelAliases }: LocalOptions): Promise<AgentPerformanceTracker> {
  const aliases = await readAliases(modelAliases)
  return new AgentPerformanceTracker({ store: await openToRead(store, stderr), modelAliases: () => aliases })
}

/** Opens a store read-only. Each problem found in it is a line on standard error. `clock` gives the time of all answers. */
export async function openToRead(store: string, stderr: Output, clock?: Clock): Promise<ReadableStore> {
  return await openStoreToRead(store, { log: warningsTo(stderr), ...(clock !== undefined && { clock }) }).catch(
    error => {
      throw unreadable(error)
    },
  )
}

function unreadable(error: unknown): unknown {
  if (!(error instanceof Error) || !['EACCES', 'EPERM'].includes(systemCode(error) ?? '')) return error
  const message = `${error.message}. Run the command as the user that owns the store, or ask its sidecar with --url instead of --store`
  return new CommandError(EXIT.permission, message, { cause: error })
}

async function openToRecord(store: string, { prices, modelAliases }: LocalOptions): Promise<AgentPerformanceTracker> {
  const aliases = await readAliases(modelAliases)
  const tracker = new AgentPerformanceTracker({
    store,
    modelAliases: () => aliases,
    ...(await pricing(prices, aliases)),
  })
  await tracker.health().catch(error => {
    throw locked(error)
  })
  return tracker
}

function locked(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'StoreLocked') return error
  const message = `${error.message}. If that is a running sidecar, send the attempts to it with --url instead of --store`
  return new CommandError(EXIT.temporary, message, { cause: error })
}

/** Loads the prices on demand, because questions do not need them. */
async function pricing(overrides: string | undefined, aliases: ModelAliases): Promise<Pick<TrackerOptions, 'price'>> {
  return { price: (await import('../pricing/price.ts')).createPrice({ overrides, aliases }) }
}

/** Loads the YAML parser on demand, because few commands need it. */
async function readAliases(path: string | undefined): Promise<ModelAliases> {
  return path === undefined ? NO_ALIASES : (await import('../config/model-aliases.ts')).readModelAliases(path)
}
