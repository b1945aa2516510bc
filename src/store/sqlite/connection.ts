/** A SQLite database in a worker thread, with its methods as promises. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Database, OpenOptions } from './database.ts'
import type { Answer, Call } from './worker.ts'

export interface Connection {
  call<Method extends keyof Database>(
    method: Method,
    ...args: Parameters<Database[Method]>
  ): Promise<ReturnType<Database[Method]>>
  /** Closes the database when all calls are done. */
  close(): Promise<void>
}

/** An error of SQLite, or of the thread. */
export class SqliteError extends Error {
  override readonly name = 'SqliteError'
  /** The name of the error in the worker. */
  readonly kind: string
  /** SQLite's primary result code, such as 13 for SQLITE_FULL. Undefined where it is not an error of SQLite. */
  readonly code: number | undefined

  constructor(
    message: string,
    { kind = 'Error', code }: { readonly kind?: string; readonly code?: number | undefined } = {},
  ) {
    super(message)
    this.kind = kind
    this.code = code === undefined ? undefined : code & 0xff
  }
}

/** Opens the database. Rejects with {@link SqliteError}. `failed` is called where the thread ends by itself. */
export async function openConnection(options: OpenOptions, failed: (error: Error) => void): Promise<Connection> {
  const isSource = import.meta.url.endsWith('.ts')
  const worker = new Worker(new URL(isSource ? './worker.ts' : './worker.js', import.meta.url), { workerData: options })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let id = 0
  let isClosing = false
  let lost: Error | undefined

  function wait(own: number): Promise<unknown> {
    const pending = Promise.withResolvers<unknown>()
    waiting.set(own, pending)
    worker.ref()
    return pending.promise
  }

  function receive({ id, value, error }: Answer): void {
    const pending = waiting.get(id)
    waiting.delete(id)
    // The process may end while nothing is asked.
    if (waiting.size === 0) worker.unref()
    if (error === undefined) pending?.resolve(value)
    else pending?.reject(new SqliteError(error.message, { kind: error.name, code: error.errcode }))
  }

  function lose(error: Error): void {
    lost ??= error
    for (const pending of waiting.values()) pending.reject(error)
    waiting.clear()
    if (!isClosing) failed(error)
  }

  worker.on('message', receive)
  worker.on('error', error => lose(new SqliteError(`the thread of the database failed: ${String(error)}`)))
  worker.on('exit', () => lose(new SqliteError('the thread of the database has ended')))

  function call(method: keyof Database, ...args: readonly unknown[]): Promise<unknown> {
    if (lost !== undefined) return Promise.reject(lost)
    const own = ++id
    const answer = wait(own)
    worker.postMessage({ id: own, method, args } satisfies Call)
    return answer
  }

  try {
    await wait(0)
  } catch (error) {
    isClosing = true
    await worker.terminate()
    throw error
  }
  return {
    call: call as Connection['call'],
    async close() {
      if (lost !== undefined || isClosing) return
      isClosing = true
      const ended = once(worker, 'exit')
      await call('close')
      worker.ref()
      await ended
    },
  }
}
