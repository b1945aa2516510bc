/** Reads the recent attempts of the documented JSON file. */
import { createListedIds, LISTED_FIELDS } from '../store/document/listed-ids.ts'
import { printable } from './table.ts'

/** Attempts that a file counts but does not contain, and the number of entries with such attempts. */
export interface Lost {
  readonly entries: number
  readonly attempts: number
}

export interface RecentAttempts {
  /** Each attempt with its location in the file, for error messages. */
  readonly attempts: readonly { readonly attempt: object; readonly place: string }[]
  readonly lost: Lost
  /** Why the whole file is invalid. Absent if it is valid. */
  readonly problem?: string
}

/** The entries of a documented file by their key. Undefined if the value is not such a file. */
export function asDocument(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const metrics = isRecord(value) && Object.hasOwn(value, 'metrics') ? value.metrics : undefined
  return isRecord(metrics) ? metrics : undefined
}

/** The recent attempts of every entry. Their ids are the same whenever the file is read. */
export function recentAttempts(metrics: Readonly<Record<string, unknown>>): RecentAttempts {
  const attempts: { attempt: object; place: string }[] = []
  let entries = 0
  let lost = 0
  for (const [key, entry] of Object.entries(metrics)) {
    const recent = isRecord(entry) ? (entry.recent_results ?? []) : undefined
    if (!isRecord(entry) || !Array.isArray(recent)) {
      return { attempts: [], lost: { entries: 0, attempts: 0 }, problem: `${printable(key)} is no entry as documented` }
    }
    const beyond = Number(entry.total_attempts) - recent.length
    if (beyond > 0) {
      entries++
      lost += beyond
    }
    attempts.push(...withIds(key, recent))
  }
  return { attempts, lost: { entries, attempts: lost } }
}

/** Other fields of an entry are ignored. */
function withIds(key: string, recent: readonly unknown[]): RecentAttempts['attempts'] {
  const idOf = createListedIds(key)
  return recent.map((result, index) => {
    const attempt_id = idOf(result)
    const fields: Record<string, unknown> = isRecord(result) ? result : {}
    const given = LISTED_FIELDS.filter(field => fields[field] !== undefined).map(field => [field, fields[field]])
    return { attempt: { attempt_id, ...Object.fromEntries(given) }, place: `result ${index + 1} of ${printable(key)}` }
  })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
