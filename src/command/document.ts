/** What the documented file can give: its recent attempts. */
import { createHash } from 'node:crypto'
import { printable } from './table.ts'

/** What the entries of a file count beyond the attempts they hold. */
export interface Lost {
  readonly entries: number
  readonly attempts: number
}

export interface RecentAttempts {
  /** Each with a place to name when it is not as documented. */
  readonly attempts: readonly { readonly attempt: object; readonly place: string }[]
  readonly lost: Lost
  /** What is wrong with the file as a whole. */
  readonly fault?: string
}

/** The entries of a documented file by their key; undefined where the value is none. */
export function asDocument(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const metrics = isRecord(value) && Object.hasOwn(value, 'metrics') ? value.metrics : undefined
  return isRecord(metrics) ? metrics : undefined
}

/** The recent attempts of every entry, each with an id of its own that is the same whenever the file is read. */
export function recentAttempts(metrics: Readonly<Record<string, unknown>>): RecentAttempts {
  const attempts: { attempt: object; place: string }[] = []
  let entries = 0
  let lost = 0
  for (const [key, entry] of Object.entries(metrics)) {
    const recent = isRecord(entry) ? (entry.recent_results ?? []) : undefined
    if (!isRecord(entry) || !Array.isArray(recent)) {
      return { attempts: [], lost: { entries: 0, attempts: 0 }, fault: `${printable(key)} is no entry as documented` }
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

/** Exactly the fields the file documents: more may stand there that is no part of an attempt. */
const FIELDS = ['timestamp', 'agent_name', 'model_name', 'issue_type', 'success', 'confidence', 'time_seconds'] as const

/**
 * An id is made of the key, the attempt, and its number among equal ones: not of its place in the list, which moves as the file lives
 * on, so that a later copy of the file adds only what is new in it.
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
