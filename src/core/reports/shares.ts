/** Intended shares of the variants of an experiment, as text and as members of an object. */
import { kindOf, nameProblem } from '../attempt/validation.ts'

/** The maximum number of variants in a plan. A plan is a single record of the log. */
const MAX_VARIANTS = 100
const MAX_SHARE = 1e9
const NUMBER = /^\d{1,10}(?:\.\d{1,10})?$/

/** The shares by variant, or the reason why they are invalid. */
export type ReadShares = ReadonlyMap<string, number> | string

/** Reads `control:90,canary:10`. A variant whose name contains a comma can only be stated as a member. */
export function parseShares(text: string): ReadShares {
  const entries = text.split(',').map((pair): readonly [string, unknown] => {
    const colon = pair.lastIndexOf(':')
    const share = pair.slice(colon + 1)
    return [pair.slice(0, Math.max(0, colon)), NUMBER.test(share) ? Number(share) : undefined]
  })
  if (entries.some(([variant, share]) => variant === '' || share === undefined)) {
    return 'must name variants and their shares, such as control:90,canary:10'
  }
  return checkShares(entries)
}

/** Reads `{"control": 90, "canary": 10}`, in which any name is possible. */
export function readShares(value: unknown): ReadShares {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `must be an object of variants and their shares, not ${kindOf(value)}`
  }
  return checkShares(Object.entries(value))
}

function checkShares(entries: readonly (readonly [string, unknown])[]): ReadShares {
  const shares = new Map<string, number>()
  for (const [variant, share] of entries) {
    const problem = nameProblem(variant)
    if (problem !== undefined) return `holds a variant whose name ${problem}`
    if (shares.has(variant)) return 'names a variant twice'
    if (typeof share !== 'number' || !(share > 0 && share <= MAX_SHARE)) {
      return `must be numbers above 0 and up to ${MAX_SHARE}`
    }
    shares.set(variant, share)
  }
  if (shares.size < 2 || shares.size > MAX_VARIANTS) return `must name 2 to ${MAX_VARIANTS} variants`
  return shares
}
