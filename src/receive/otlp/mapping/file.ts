/** A user's own rules: a JSON file. */
import { isNode } from 'yaml'
import { ConfigError } from '../../../config/config.ts'
import { parseYaml, readTextFile } from '../../../lib/text-file.ts'
import { type OtlpTable, otlpTable } from './table.ts'

/** The rules that a file states. Throws a {@link ConfigError} that names the file, and the line and place of each fault. */
export function readMappingFile(path: string): OtlpTable {
  const file = parseYaml(path, textOf(path))
  if ('fault' in file) throw refusal(file.fault)
  const { document } = file
  const lineOf = (offset: number): string => `${path} line ${file.lineOf(offset)}`
  const read = otlpTable.safeParse(file.valueOf() ?? {})
  if (read.success) return read.data
  throw refusal(
    ...read.error.issues.map(({ path: place, message }) => {
      const keys = place.map(String)
      return `${lineOf(offsetOf(keys))}: ${[keys.join('.'), message].join(' ').trim()}`
    }),
  )

  /** Where the innermost value stands that there is on the way to a place. */
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
