/** The optional config file: one map of settings, as JSON or YAML. */
import { readFileSync } from 'node:fs'
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'

/** One key of the file. */
export interface FileEntry {
  readonly key: string
  readonly value: unknown
  /** From 1. */
  readonly line: number
}

/** What the file states, in its order; or what is wrong with it, with the file's name and the line where there is one. */
export function readConfigFile(path: string): readonly FileEntry[] | { readonly fault: string } {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return { fault: `cannot read the config file ${path}: ${(error as Error).message}` }
  }
  const lines = new LineCounter()
  // YAML 1.2 reads JSON too, and knows the line of every key.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const error = document.errors[0]
  if (error !== undefined) {
    const what = error.code === 'DUPLICATE_KEY' ? 'this key is given twice' : error.message
    return { fault: `${path} line ${lines.linePos(error.pos[0]).line}: ${what}` }
  }
  if (document.contents === null) return []
  if (!isMap(document.contents)) return { fault: `${path} must be a map of settings such as "listen: 127.0.0.1:9464"` }
  return document.contents.items.map(({ key, value }) => ({
    key: String(isScalar(key) ? key.value : key),
    value: isNode(value) ? value.toJS(document) : value,
    line: lines.linePos((isNode(key) && key.range?.[0]) || 0).line,
  }))
}
