/** Reads the file of model aliases: JSON or YAML, a list of spellings by model name. */
import { isMap, isNode, isScalar, isSeq, type Pair, type ParsedNode } from 'yaml'
import { type AliasFault, aliasesOf, type ModelAliases, NO_ALIASES } from '../core/attempt/model-aliases.ts'
import { parseYaml, readTextFile, type YamlFile } from '../lib/text-file.ts'
import { ConfigError } from './config.ts'

/** The aliases of a file; none without a path. Throws a {@link ConfigError} that names the file, and the line and key of each fault. */
export function readModelAliases(path: string | undefined): ModelAliases {
  if (path === undefined) return NO_ALIASES
  const file = parseYaml(path, textOf(path))
  if ('fault' in file) throw refusal(file.fault)
  const { contents } = file.document
  if (contents === null) return NO_ALIASES
  if (!isMap(contents)) throw refusal(`${path} must be a map of lists of spellings by model name`)
  const entries = contents.items as Pair<ParsedNode, ParsedNode | null>[]
  const { aliases, faults } = aliasesOf(
    entries.map(({ key, value }) => ({
      name: isScalar(key) ? key.value : file.valueOf(key),
      spellings: value === null ? null : file.valueOf(value),
    })),
  )
  if (faults.length > 0) throw refusal(...faults.map(fault => faultText(path, file, entries, fault)))
  return aliases
}

function faultText(
  path: string,
  file: YamlFile,
  entries: readonly Pair<ParsedNode, ParsedNode | null>[],
  { model, spelling, detail }: AliasFault,
): string {
  const { key, value } = entries[model]!
  const item = spelling !== undefined && isSeq(value) ? value.items[spelling] : undefined
  const place = isNode(item) ? item : key
  const name = String(isScalar(key) ? key.value : key).slice(0, 100)
  return `${path} line ${file.lineOf(place.range?.[0] ?? 0)}: ${JSON.stringify(name)}: ${detail}`
}

function textOf(path: string): string {
  try {
    return readTextFile(path)
  } catch (error) {
    throw refusal(`cannot read the file of model aliases ${path}: ${(error as Error).message}`)
  }
}

const refusal = (...faults: readonly string[]): ConfigError => new ConfigError(faults, 78)
