/** How a question is asked over HTTP. */

/** The path of a question below `/api/v1/`, and its query string by names. Undefined values are left out. */
export interface QuestionRequest {
  readonly path: string
  readonly query: Readonly<Record<string, string | undefined>>
}

/**
 * Fills the parameters that a path template such as `experiments/{name}` names into it, and puts all others into the query. Never throws:
 * the sidecar says what is wrong with a value.
 */
export function requestOf(template: string, parameters: object): QuestionRequest {
  const query = new Map(Object.entries(parameters).map(([name, value]) => [name, textOf(value)] as const))
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = query.get(name) ?? ''
    query.delete(name)
    // A lone surrogate cannot be encoded, and no experiment has one in its name.
    return encodeURIComponent(value.toWellFormed())
  })
  return { path, query: Object.fromEntries(query) }
}

function textOf(value: unknown): string | undefined {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString()
  return value === undefined ? undefined : String(value)
}
