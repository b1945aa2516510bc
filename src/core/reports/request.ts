/** Builds the HTTP request of a question. */

/** The path of a question below `/api/v1/`, and its query parameters by name. Undefined values are omitted. */
export interface QuestionRequest {
  readonly path: string
  readonly query: Readonly<Record<string, string | undefined>>
}

/**
 * Fills the parameters of a path template such as `experiments/{name}`. All other parameters become the query. Never throws: the sidecar
 * validates the values.
 */
export function requestOf(template: string, parameters: object): QuestionRequest {
  const query = new Map(Object.entries(parameters).map(([name, value]) => [name, textOf(value)] as const))
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = query.get(name) ?? ''
    query.delete(name)
    // A lone surrogate cannot be encoded. No name of an experiment contains one.
    return encodeURIComponent(value.toWellFormed())
  })
  return { path, query: Object.fromEntries(query) }
}

function textOf(value: unknown): string | undefined {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString()
  return value === undefined ? undefined : String(value)
}
