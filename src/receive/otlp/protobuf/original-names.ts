/** JSON with the names of the protobuf fields (`resource_spans`), which protobuf's own JSON parsers accept beside `resourceSpans`. */
import { MESSAGES } from './fields.ts'

/** A name of the protocol with an underscore. Inside of a string it only costs a look at the names. */
const ORIGINAL_NAME =
  /"(?:resource|scope|log|span|trace|parent|start|end|time|event|observed|string|int|bool|double|array|kvlist)_[a-z_]+"\s*:/

/** Whether a text may hold such names. */
export function mayHoldOriginalNames(text: string): boolean {
  return ORIGINAL_NAME.test(text)
}

/** `resource_spans` -> `resourceSpans` in a message and all inner ones. Other objects, and names that are there already, stay. */
export function renameFields(message: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const fields = FIELDS.get(message)
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      const field = fields?.get(key)
      if (field === undefined) return [[key, inner]]
      const isRepeated = field.name !== key && Object.hasOwn(value, field.name)
      return isRepeated ? [] : [[field.name, renameInner(field.type, inner)]]
    }),
  )
}

function renameInner(type: string, inner: unknown): unknown {
  if (!FIELDS.has(type)) return inner
  return Array.isArray(inner) ? inner.map(one => renameFields(type, one)) : renameFields(type, inner)
}

interface Field {
  readonly name: string
  readonly type: string
}

/** The fields of each message by both of their names. */
const FIELDS: ReadonlyMap<string, ReadonlyMap<string, Field>> = new Map(
  Object.entries(MESSAGES).map(([message, rows]) => [
    message,
    new Map(
      Object.values(rows).flatMap(([name, type]) => [name, originalName(name)].map(key => [key, { name, type }])),
    ),
  ]),
)

function originalName(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}
