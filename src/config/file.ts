/** The optional config file: one map of settings, as JSON or YAML. */
import { isMap, isNode, isScalar, type ParsedNode } from 'yaml'
import { parseYaml, readTextFile } from '../lib/text-file.ts'

/** One key of the file. */
export interface FileEntry {
  readonly key: string
  readonly value: unknown
  /** From 1. */
  readonly line: number
}

/** The entries of the file in order, or what is wrong with it, with its path and the line if known. */
export function readConfigFile(path: string): readonly FileEntry[] | { readonly fault: string } {
  let text: string
  try {
    text = readTextFile(path)
  } catch (error) {
    return { fault: `cannot read the config file ${path}: ${(error as Error).message}` }
  }
  const file = parseYaml(path, text)
  if ('fault' in file) return file
  const { contents } = file.document
  if (contents === null) return []
  if (!isMap(contents)) return { fault: `${path} must be a map of settings such as "listen: 127.0.0.1:9464"` }
  return contents.items.map(({ key, value }) => ({
    key: String(isScalar(key) ? key.value : key),
    value: isNode(value) ? file.valueOf(value as ParsedNode) : value,
    line: file.lineOf((isNode(key) && key.range?.[0]) || 0),
  }))
}
