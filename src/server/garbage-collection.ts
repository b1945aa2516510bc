/** What V8 is told about the garbage of a server. */
import { setFlagsFromString } from 'node:v8'

/**
 * Has all that is new begin among the young, whatever survived before. Otherwise, after one slow moment in which much did, V8 puts what a
 * request is made of among the old from then on: there it is dead at once, stays until all is collected, and keeps alive what it points at,
 * so that every small collection copies most of what there is, for tens of milliseconds, five times a second.
 */
export function beginYoung(setFlags: (flag: string) => void = setFlagsFromString): void {
  setFlags('--no-allocation-site-pretenuring')
}
