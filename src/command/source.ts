/** The source of a command's answers: a running sidecar or a store. It also records attempts. */
import { readFileSync } from 'node:fs'
import { variableOf } from '../config/config.ts'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import type { Outcome } from '../core/fold.ts'
import type { Appended, AppendedOutcomes } from '../core/ports.ts'
import type { Answer, Input, QuestionPath } from '../questions/questions.ts'
import type { ParsedDocument } from '../store/document/document.ts'
import type { ImportedDocument } from '../store/import-document.ts'
import { CommandError, EXIT } from './exit.ts'
import type { Io } from './io.ts'
import { openRemote } from './remote.ts'
import type { WhereOptions } from './where.ts'

export interface Source {
  /** Answers a question. Resolves with undefined if there is no answer. */
  ask<Path extends QuestionPath>(path: Path, parameters: Input<Path>): Promise<Answer<Path>>
  /** Records all attempts. After a rejection some of them may be recorded. It is safe to record the same attempts again. */
  record(attempts: readonly NewAttempt[]): Promise<Appended>
  /** Records outcomes of recorded attempts. It is safe to record the same outcomes again. */
  recordOutcomes(outcomes: readonly Outcome[]): Promise<AppendedOutcomes>
  /** Makes a document the beginning of the store. Undefined for a sidecar, which takes attempts only. */
  readonly adopt?: (document: Pick<ParsedDocument, 'metrics' | 'digest'>) => Promise<ImportedDocument>
  close(): Promise<void>
}

/** The sidecar that is asked if nothing names another one. */
export const DEFAULT_URL = 'http://127.0.0.1:9464'

/** Runs `work` with the source that the options name, and closes it afterwards, also after an error. */
export async function withSource<T>(
  { url, store, tokenFile, modelAliases }: WhereOptions,
  { env, stderr }: Pick<Io, 'env' | 'stderr'>,
  use: 'ask' | 'record',
  work: (source: Source) => Promise<T>,
): Promise<T> {
  const source =
    store === undefined
      ? openRemote(url ?? (env[variableOf('url')] || DEFAULT_URL), tokenOf(tokenFile ?? env[variableOf('token-file')]))
      : // Load the store on demand, because a question to a sidecar does not need it.
        await (await import('./local.ts')).openLocal(store, {
          use,
          prices: env[variableOf('prices')] || undefined,
          modelAliases: modelAliases ?? (env[variableOf('model-aliases')] || undefined),
          stderr,
        })
  try {
    return await work(source)
  } finally {
    await source.close()
  }
}

/** The first token of a file. The file may be the sidecar's own token file. */
function tokenOf(path: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new CommandError(EXIT.io, `cannot read the token file: ${(error as Error).message}`, { cause: error })
  }
  const token = /^[ \t]*([^#\s]\S*)/m.exec(text)?.[1]
  // The token becomes a header. Reject an invalid one here, so that no error message of `fetch` contains it.
  if (token !== undefined && /^[\x21-\x7e]+$/.test(token)) return token
  throw new CommandError(EXIT.config, `${path} holds no token of printable ASCII characters`)
}
