/** How the garbage collector suits the cores there are. */
import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'

/**
 * Where there is a single core, as many containers have, threads that mark what is alive beside the main one only take it away, for several
 * milliseconds at a time: all who wait for an answer then wait for them. There it marks by itself, in short steps.
 */
export function suitCollectorToCores(
  cores: number = availableParallelism(),
  setFlags: (flag: string) => void = setFlagsFromString,
): void {
  if (cores === 1) setFlags('--no-concurrent-marking')
}
