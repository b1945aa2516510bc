/** Where a command asks questions and records attempts: a running sidecar, or a store itself. */
import { readFileSync } from 'node:fs'
import { variableOf } from '../config/config.ts'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import type { Appended } from '../core/ports.ts'
import type { Answer, Input, QuestionPath } from '../questions/questions.ts'
import { CommandError, EXIT } from './exit.ts'
import type { Io } from './io.ts'
import { openRemote } from './remote.ts'
import type { WhereOptions } from './where.ts'

export interface Source {
  /** Answers a question; with undefined where there is no answer. */
  ask<Path extends QuestionPath>(path: Path, parameters: Input<Path>): Promise<Answer<Path>>
  /** Keeps all of them, or rejects; after that some may be kept, and the same attempts may be recorded again. */
  record(attempts: readonly NewAttempt[]): Promise<Appended>
  close(): Promise<void>
}

const DEFAULT_URL = 'http://127.0.0.1:9464'

/** Runs `work` with the source that the options name, and closes it afterwards, also after an error. */
export async function withSource<T>(
  { url, store, tokenFile }: WhereOptions,
  { env, stderr }: Pick<Io, 'env' | 'stderr'>,
  use: 'ask' | 'record',
  work: (source: Source) => Promise<T>,
): Promise<T> {
  const source =
    store === undefined
      ? openRemote(url ?? (env[variableOf('url')] || DEFAULT_URL), tokenOf(tokenFile ?? env[variableOf('token-file')]))
      : // Loaded on demand: a question to a sidecar needs no store.
        await (await import('./local.ts')).openLocal(store, {
          use,
          prices: env[variableOf('prices')] || undefined,
          stderr,
        })
  try {
    return await work(source)
  } finally {
    await source.close()
  }
}

/** The first token of a file: it may be the one that the sidecar reads. */
function tokenOf(path: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new CommandError(EXIT.io, `cannot read the token file: ${(error as Error).message}`, { cause: error })
  }
  const token = /^[ \t]*([^#\s]\S*)/m.exec(text)?.[1]
  // It goes into a header. A token that no header can hold must not appear in an error message either.
  if (token !== undefined && /^[\x21-\x7e]+$/.test(token)) return token
  throw new CommandError(EXIT.config, `${path} holds no token of printable ASCII characters`)
}
