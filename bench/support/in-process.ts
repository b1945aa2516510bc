/** Measurements inside a process. Each runs in a separate process on the server's core. */
import { type PinnedOptions, runPinned } from './pinned.ts'

export const MEASURE: string = new URL('../measure.ts', import.meta.url).pathname

/** Runs `bench/measure.ts NAME ARGUMENTS` and parses the JSON line that it prints. */
export function measure<T>(name: string, ...args: readonly string[]): Promise<T> {
  return measureOn(0, name, ...args)
}

/** {@link measure} on other cores than the first. */
export async function measureOn<T>(
  core: NonNullable<PinnedOptions['core']>,
  name: string,
  ...args: readonly string[]
): Promise<T> {
  const output = await runPinned(process.execPath, ['--expose-gc', MEASURE, name, ...args], { core })
  return JSON.parse(output.trim().split('\n').at(-1)!) as T
}

/** Runs {@link measure} `rounds` times, sequentially. */
export async function measureRounds<T>(rounds: number, name: string, ...args: readonly string[]): Promise<T[]> {
  const results: T[] = []
  for (let round = 0; round < rounds; round++) results.push(await measure<T>(name, ...args))
  return results
}
