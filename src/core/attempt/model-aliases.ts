/** The spellings of models: attempts of every spelling are recorded under one name. */
import type { SeriesPoint } from '../aggregate/series.ts'
import type { ParsedBatch } from '../ports.ts'
import type { NewAttempt } from './attempt.ts'
import { kindOf, nameProblem } from './validation.ts'

/** The name of a model by each of its spellings. The name itself is one of them. */
export type ModelAliases = ReadonlyMap<string, string>

/** Every model is recorded under the name that was sent. */
export const NO_ALIASES: ModelAliases = new Map()

/**
 * The name that `model` is recorded under: the name of which it is a spelling, otherwise `model` itself, byte for byte. White space at the ends
 * of `model` is ignored in the comparison only.
 */
export function modelNameOf(aliases: ModelAliases, model: string): string {
  return aliases.get(model.trim()) ?? model
}

/** Puts each attempt of a listed model under its name, in place. Its serialized text states the spelling, so the batch loses that text. */
export function renameModels(attempts: NewAttempt[], { rawJson }: ParsedBatch, aliases: ModelAliases): void {
  if (aliases.size === 0) return
  for (let i = 0; i < attempts.length; i++) {
    const attempt = attempts[i]!
    const model_name = modelNameOf(aliases, attempt.model_name)
    if (model_name === attempt.model_name) continue
    attempts[i] = { ...attempt, model_name }
    if (rawJson !== undefined) rawJson.sources[i] = undefined
  }
}

/** The points with each listed model under its name. A series keeps its identity, so that nothing is counted twice. */
export function renamePoints(points: readonly SeriesPoint[], aliases: ModelAliases): readonly SeriesPoint[] {
  if (aliases.size === 0) return points
  return points.map(point => {
    const { key } = point
    const model_name = modelNameOf(aliases, key.model_name)
    return model_name === key.model_name ? point : { ...point, key: { ...key, model_name } }
  })
}

/** A name and its spellings as somebody stated them. They may be of any type. */
export interface StatedModel {
  readonly name: unknown
  readonly spellings: unknown
}

/** What is wrong with a stated model, and what to do about it. */
export interface AliasFault {
  /** The index of the model. */
  readonly model: number
  /** The index of the spelling that is wrong. Undefined if the name or the list is wrong. */
  readonly spelling?: number | undefined
  readonly detail: string
}

/** The aliases of stated models, and every fault in them. White space at the ends of names and spellings is removed. */
export function aliasesOf(models: readonly StatedModel[]): {
  readonly aliases: ModelAliases
  readonly faults: readonly AliasFault[]
} {
  const { names, faults } = namesOf(models)
  const aliases = new Map([...names].map(name => [name, name]))
  for (const [model, { name, spellings }] of models.entries()) {
    const listFault = listFaultOf(spellings)
    if (listFault !== undefined) faults.push({ model, detail: listFault })
    for (const [spelling, stated] of listOf(spellings).entries()) {
      const detail = spellingFault(trimmed(name), stated, aliases, names)
      if (detail === undefined) aliases.set(trimmed(stated), trimmed(name))
      else faults.push({ model, spelling, detail })
    }
  }
  return { aliases, faults }
}

function namesOf(models: readonly StatedModel[]): { readonly names: Set<string>; readonly faults: AliasFault[] } {
  const names = new Set<string>()
  const faults: AliasFault[] = []
  for (const [model, { name }] of models.entries()) {
    const problem = textProblem(name)
    if (problem !== undefined) faults.push({ model, detail: `the name ${problem}` })
    else if (names.has(trimmed(name))) faults.push({ model, detail: 'this name is given twice: merge the two lists' })
    else names.add(trimmed(name))
  }
  return { names, faults }
}

function listFaultOf(spellings: unknown): string | undefined {
  if (Array.isArray(spellings) && spellings.length > 0) return undefined
  const found = Array.isArray(spellings) ? 'an empty one: list a spelling, or remove the name' : kindOf(spellings)
  return `must be a list of spellings such as ["claude-x[1m]", "anthropic/claude-x"], not ${found}`
}

const listOf = (spellings: unknown): readonly unknown[] => (Array.isArray(spellings) ? spellings : [])

const trimmed = (value: unknown): string => (typeof value === 'string' ? value.trim() : '')

/** Why `value` is no name, with and without white space at its ends. YAML reads an unquoted 4.10 as a number, whose spelling is lost. */
function textProblem(value: unknown): string | undefined {
  if (typeof value === 'string') return nameProblem(value) ?? nameProblem(value.trim())
  return `${nameProblem(value)}: put it in quotes`
}

/** Why `stated` cannot be a spelling of `own`. Undefined if it can. */
function spellingFault(
  own: string,
  stated: unknown,
  aliases: ModelAliases,
  names: ReadonlySet<string>,
): string | undefined {
  const problem = textProblem(stated)
  if (problem !== undefined) return `a spelling ${problem}`
  const spelling = trimmed(stated)
  const known = aliases.get(spelling)
  if (known === undefined || spelling === own) return undefined
  const quoted = JSON.stringify(spelling)
  if (names.has(spelling)) {
    return `${quoted} is also a name, so that attempts would be renamed twice: keep it here, and move its own spellings to this list`
  }
  if (known === own) return `${quoted} is listed twice: remove one of them`
  return `${quoted} is also a spelling of ${JSON.stringify(known)}: list it under one name`
}
