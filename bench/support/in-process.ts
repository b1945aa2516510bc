/** Measures that are taken inside a process: each in one of its own, where the server's core is. */
import { runPinned } from './pinned.ts'

export const MEASURE: string = new URL('../measure.ts', import.meta.url).pathname

/** What `bench/measure.ts NAME ARGUMENTS` answers. */
export async function measure<T>(name: string, ...args: readonly string[]): Promise<T> {
  const output = await runPinned(process.execPath, ['--expose-gc', MEASURE, name, ...args])
  return JSON.parse(output.trim().split('\n').at(-1)!) as T
}

/** The same in so many rounds. */
export async function measureRounds<T>(rounds: number, name: string, ...args: readonly string[]): Promise<T[]> {
  const found: T[] = []
  for (let round = 0; round < rounds; round++) found.push(await measure<T>(name, ...args))
  return found
}
