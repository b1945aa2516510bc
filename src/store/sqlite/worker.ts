/** The worker thread of a SQLite log: opens the database of its `workerData`, and runs one statement after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { type Database, type OpenOptions, openDatabase } from './database.ts'

/** A call of a method of {@link Database}. The first answer, with id 0, says whether it was opened. */
export interface Call {
  readonly id: number
  readonly method: keyof Database
  readonly args: readonly unknown[]
}

export interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: { readonly name: string; readonly message: string; readonly errcode?: number | undefined }
}

const port = parentPort!

function answer(id: number, work: () => unknown): void {
  try {
    port.postMessage({ id, value: work() } satisfies Answer)
  } catch (error) {
    const { name, message, errcode } = error as Error & { readonly errcode?: number }
    port.postMessage({ id, error: { name, message, errcode } } satisfies Answer)
  }
}

answer(0, () => {
  const database = openDatabase(workerData as OpenOptions)
  port.on('message', ({ id, method, args }: Call) => {
    answer(id, () => (database[method] as (...args: readonly unknown[]) => unknown)(...args))
    if (method === 'close') port.close()
  })
})
