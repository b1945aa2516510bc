/** Ids of the attempts that a document lists: the same whenever the attempt is read, also from a later copy of the document. */
import { hash } from 'node:crypto'
import { isObject } from './document.ts'

/** The documented fields of an attempt. */
export const LISTED_FIELDS = [
  'timestamp',
  'agent_name',
  'model_name',
  'issue_type',
  'success',
  'confidence',
  'time_seconds',
] as const

/**
 * Derives the ids of an entry from its name, the content of the attempt and the number of equal attempts before it. The index in the list is not
 * part of the id, because it changes as the document grows. Call it once for each attempt, in the order of the list.
 */
export function createListedIds(entry: string): (result: unknown) => string {
  const seen = new Map<string, number>()
  return result => {
    const fields: Record<string, unknown> = isObject(result) ? result : {}
    const content = JSON.stringify([entry, ...LISTED_FIELDS.map(field => fields[field] ?? null)])
    const nth = seen.get(content) ?? 0
    seen.set(content, nth + 1)
    return `file:${hash('sha256', `${nth} ${content}`, 'hex').slice(0, 32)}`
  }
}
