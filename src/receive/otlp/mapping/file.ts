/** A user's own rules: a JSON file. */
import { readFileSync } from 'node:fs'
import { isNode, LineCounter, parseDocument } from 'yaml'
import { ConfigError } from '../../../config.ts'
import { type OtlpTable, otlpTable } from './table.ts'

/** The rules that a file states. Throws a {@link ConfigError} that names the file, and the line and place of each fault. */
export function readMappingFile(path: string): OtlpTable {
  const lines = new LineCounter()
  // YAML 1.2 reads JSON, and knows the line of every value.
  const document = parseDocument(textOf(path), { lineCounter: lines, prettyErrors: false })
  const lineOf = (offset: number): string => `${path} line ${lines.linePos(offset).line}`
  const error = document.errors[0]
  if (error !== undefined) throw refusal(`${lineOf(error.pos[0])}: ${error.message}`)
  const read = otlpTable.safeParse(document.toJS() ?? {})
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
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw refusal(`cannot read the rules for OTLP ${path}: ${(error as Error).message}`)
  }
}

const refusal = (...faults: readonly string[]): ConfigError => new ConfigError(faults, 78)
