/**
 * The currently known damage of a store, including missing files. Each damage is logged and counted once, even if it is found repeatedly.
 */

import type { Logger } from '../../logger.ts'
import type { Counters } from '../counters.ts'

/** The damage of one file. */
export interface Finding {
  readonly path: string
  /** A description for people. */
  readonly reason: string
  /** Damaged lines, including those that lost no attempt: the opening of a segment, or a line of which only the end is damaged. */
  readonly corrupt: number
  /** Attempts lost in these lines. */
  readonly lost: number
  /** Missing records. */
  readonly missing: number
}

/** The damage that is known now. */
export interface KnownDamage {
  readonly files: number
  /** Records that are damaged or missing. */
  readonly records: number
  /** One sentence for people. Undefined if nothing is damaged. */
  readonly detail: string | undefined
}

export interface Damage {
  readonly known: KnownDamage
  has(path: string): boolean
  /** Replaces the finding about a file. Logs and counts only new damage. */
  report(finding: Finding): void
  /** Counts damaged lines that a read found, before the file is verified. True if they are new. */
  count(path: string, corrupt: number): boolean
  /** Removes the finding about a file that is intact, or that was removed as intended. */
  clear(path: string): void
  /** Removes the findings about all other files. */
  keepOnly(paths: ReadonlySet<string>): void
}

/** The maximum number of files that the description names. */
const MAX_NAMED = 3

export function createDamage(counters: Counters, log: Logger): Damage {
  const findings = new Map<string, Finding>()
  const counts = new Map<string, { readonly corrupt: number; readonly missing: number }>()

  return {
    get known() {
      let records = 0
      for (const { lost, missing } of findings.values()) records += lost + missing
      return { files: findings.size, records, detail: detailOf([...findings.values()], records) }
    },
    has: path => findings.has(path),
    report(finding) {
      const { path, reason, corrupt, missing } = finding
      const before = counts.get(path) ?? { corrupt: 0, missing: 0 }
      const isNew = !findings.has(path) || corrupt > before.corrupt || missing > before.missing
      findings.set(path, finding)
      counters.corruptRecords += Math.max(0, corrupt - before.corrupt)
      counters.missingRecords += Math.max(0, missing - before.missing)
      counts.set(path, { corrupt: Math.max(corrupt, before.corrupt), missing: Math.max(missing, before.missing) })
      if (isNew) log.error('the store is damaged', { path, reason, corrupt, missing })
    },
    count(path, corrupt) {
      const before = counts.get(path) ?? { corrupt: 0, missing: 0 }
      if (corrupt <= before.corrupt) return false
      counters.corruptRecords += corrupt - before.corrupt
      counts.set(path, { ...before, corrupt })
      return true
    },
    clear(path) {
      findings.delete(path)
    },
    keepOnly(paths) {
      for (const path of findings.keys()) if (!paths.has(path)) findings.delete(path)
      for (const path of counts.keys()) if (!paths.has(path)) counts.delete(path)
    },
  }
}

function detailOf(findings: readonly Finding[], records: number): string | undefined {
  if (findings.length === 0) return undefined
  const named = findings.slice(0, MAX_NAMED).map(({ path, reason }) => `${path}: ${reason}`)
  const more = findings.length > MAX_NAMED ? `; and ${findings.length - MAX_NAMED} more` : ''
  const files = findings.length === 1 ? '1 file of the store is' : `${findings.length} files of the store are`
  return `${files} damaged or missing, with ${records} attempts that can no longer be listed: ${named.join('; ')}${more}`
}
