/** The optional config file: one map of settings, as JSON or YAML. */
import { isMap, isNode, isPair, isScalar, isSeq, type ParsedNode } from 'yaml'
import { parseYaml, readTextFile } from '../lib/text-file.ts'

/** One key of the file. */
export interface FileEntry {
  readonly key: string
  readonly value: unknown
  /** From 1. */
  readonly line: number
  /** The line of what is at a path below the value. Of a path that does not exist, the line of the nearest part above it. */
  lineAt(path: readonly (string | number)[]): number
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
    line: file.lineOf(startOf(key)),
    lineAt: path => file.lineOf(offsetAt(path, key, value)),
  }))
}

const startOf = (node: unknown): number => (isNode(node) && node.range?.[0]) || 0

/** The offset of the key or item at the end of a path. */
function offsetAt(path: readonly (string | number)[], key: unknown, value: unknown): number {
  let [offset, node] = [startOf(key), value]
  for (const part of path) {
    const next: unknown = isMap(node)
      ? node.items.find(item => isPair(item) && String(isScalar(item.key) ? item.key.value : item.key) === String(part))
      : isSeq(node)
        ? node.items[Number(part)]
        : undefined
    if (next === undefined) break
    offset = startOf(isPair(next) ? next.key : next)
    node = isPair(next) ? next.value : next
  }
  return offset
}
