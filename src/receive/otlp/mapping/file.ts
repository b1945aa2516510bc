/** Reads a user's own rules from a JSON or YAML file. */
import { isNode } from 'yaml'
import { ConfigError } from '../../../config/config.ts'
import { parseYaml, readTextFile } from '../../../lib/text-file.ts'
import { type OtlpTable, otlpTable } from './table.ts'

/** Reads the rules of a file. Throws a {@link ConfigError} that names the file, and the line and path of each problem. */
export function readMappingFile(path: string): OtlpTable {
  const file = parseYaml(path, textOf(path))
  if ('fault' in file) throw refusal(file.fault)
  const { document } = file
  const lineOf = (offset: number): string => `${path} line ${file.lineOf(offset)}`
  const read = otlpTable.safeParse(file.valueOf() ?? {})
  if (read.success) return read.data
  throw refusal(
    ...read.error.issues.map(({ path: keyPath, message }) => {
      const keys = keyPath.map(String)
      return `${lineOf(offsetOf(keys))}: ${[keys.join('.'), message].join(' ').trim()}`
    }),
  )

  /** The offset of the innermost existing value on a path. */
  function offsetOf(keys: readonly string[]): number {
    for (let depth = keys.length; depth > 0; depth--) {
      const node = document.getIn(keys.slice(0, depth), true)
      if (isNode(node) && node.range) return node.range[0]
    }
    return document.range[0]
  }
}

function textOf(path: string): string {
  try {
    return readTextFile(path)
  } catch (error) {
    throw refusal(`cannot read the rules for OTLP ${path}: ${(error as Error).message}`)
  }
}

const refusal = (...faults: readonly string[]): ConfigError => new ConfigError(faults, 78)
