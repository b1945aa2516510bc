/** Makes a document the beginning of a store of any kind. */
import type { AttemptKey } from '../core/attempt/attempt.ts'
import { type ModelAliases, modelNameOf } from '../core/attempt/model-aliases.ts'
import { type Log, LogNotEmpty, LogTruncated } from '../core/log.ts'
import { runYieldingAlone } from '../lib/event-loop.ts'
import { appendDocument } from './document/adopt.ts'
import { type DocumentContent, readContent } from './document/content.ts'
import type { ParsedDocument } from './document/document.ts'
import type { Logger } from './logger.ts'
import { defaultTally, openLog } from './open.ts'

export interface ImportedDocument extends Pick<DocumentContent, 'damaged'> {
  /** `before`: the store began with the same document. `refused`: it began otherwise, and takes no totals. Nothing was changed then. */
  readonly result: 'now' | 'before' | 'refused'
  /** Attempts that the document counts, without those of damaged entries. */
  readonly attempts: number
}

/** Rejects as opening the log does. After a rejection, another call goes on where this one ended. */
export async function importDocument(
  target: string,
  { metrics, digest }: Pick<ParsedDocument, 'metrics' | 'digest'>,
  { logger, aliases }: { readonly logger: Logger; readonly aliases: ModelAliases },
): Promise<ImportedDocument> {
  const content = renamed(await runYieldingAlone(readContent({ metrics })), aliases)
  const { baselines, damaged } = content
  const older = baselines.reduce((sum, { totals }) => sum + totals.successes + totals.failures, 0)
  const result = await resultOf(target, { content, digest, logger })
  return { result, attempts: older + content.attempts.length, damaged }
}

/** The content with each listed model under its name, as recorded attempts are. */
function renamed(content: DocumentContent, aliases: ModelAliases): DocumentContent {
  if (aliases.size === 0) return content
  const rename = <Named extends Pick<AttemptKey, 'model_name'>>(one: Named): Named => ({
    ...one,
    model_name: modelNameOf(aliases, one.model_name),
  })
  return {
    ...content,
    baselines: content.baselines.map(({ key, totals }) => ({ key: rename(key), totals })),
    attempts: content.attempts.map(({ attempt, at }) => ({ attempt: rename(attempt), at })),
  }
}

async function resultOf(
  target: string,
  { content, digest, logger }: { readonly content: DocumentContent; readonly digest: string; readonly logger: Logger },
): Promise<ImportedDocument['result']> {
  let log: Log | undefined
  try {
    log = await openLog(target, { tally: defaultTally(), log: logger })
    const wasEmpty = await isEmpty(log)
    const taken = await appendDocument({ log, content, digest, clock: Date.now })
    if (taken === undefined) return 'refused'
    // A log answers the append of a document's only group alike, whether it had it or not.
    return taken === 0 || (taken === 1 && !wasEmpty) ? 'before' : 'now'
  } catch (error) {
    if (error instanceof LogNotEmpty) return 'refused'
    throw error
  } finally {
    await log?.close()
  }
}

async function isEmpty(log: Log): Promise<boolean> {
  try {
    for await (const { records } of log.read(log.info.start))
      if (records.some(({ kind }) => kind !== 'limits')) return false
    return true
  } catch (error) {
    if (error instanceof LogTruncated) return false
    throw error
  }
}
