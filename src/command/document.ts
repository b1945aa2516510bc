/** Reads the recent attempts of the documented JSON file. */
import { createHash } from 'node:crypto'
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

/** The documented fields of an attempt. Other fields of an entry are ignored. */
const FIELDS = ['timestamp', 'agent_name', 'model_name', 'issue_type', 'success', 'confidence', 'time_seconds'] as const

/**
 * Derives the id from the key, the content and the number of equal attempts before it. The index in the list is not part of the id,
 * because it changes as the file grows. A later copy of the file therefore adds only its new attempts.
 */
function withIds(key: string, recent: readonly unknown[]): RecentAttempts['attempts'] {
  const seen = new Map<string, number>()
  return recent.map((result, index) => {
    const fields: Record<string, unknown> = isRecord(result) ? result : {}
    const content = JSON.stringify([key, ...FIELDS.map(field => fields[field] ?? null)])
    const nth = seen.get(content) ?? 0
    seen.set(content, nth + 1)
    const hash = createHash('sha256').update(`${nth} ${content}`).digest('hex').slice(0, 32)
    const given = FIELDS.filter(field => fields[field] !== undefined).map(field => [field, fields[field]])
    const attempt = { attempt_id: `file:${hash}`, ...Object.fromEntries(given) }
    return { attempt, place: `result ${index + 1} of ${printable(key)}` }
  })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
