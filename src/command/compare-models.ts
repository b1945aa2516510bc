/** `compare-models`: models over all their agents, or models and agents compared at the same mix of issue types. */
import { type Command, Option } from 'commander'
import type { ModelPerformance } from '../core/reports/model-comparison.ts'
import { withoutRange } from '../core/reports/range.ts'
import { questionAt } from '../questions/questions.ts'
import { fairText } from './fair-text.ts'
import { counted } from './format.ts'
import { hintsOf } from './hints.ts'
import { type Io, print, printJson } from './io.ts'
import { MODEL_COLUMNS, modelRows } from './models.ts'
import { givenParameters, parameterOption, withParameters } from './parameters.ts'
import { withSource } from './source.ts'
import { tableText, tooFew, withAnswered, wrapped } from './text.ts'
import { unknownNames } from './unknown-names.ts'
import { type WhereOptions, withWhere } from './where.ts'

const EXAMPLES = `
The rate of a model covers its keys (agent, model and issue type) that have at
least --min-attempts. The line below the table counts the attempts that are left
out. "report" counts all attempts.

A model that gets easier issues has a better rate. --equal-mix compares all of
them at the same mix of issue types, over the types that all have tried. It
warns of every pair whose order this reverses.

Examples:
  agent-performance compare-models
  agent-performance compare-models --issue-type bug --min-attempts 20
  agent-performance compare-models --equal-mix --by agent_name
  agent-performance compare-models --since 30d --json`

export function addCompareModels(program: Command, io: Io): void {
  const command = program.command('compare-models').summary('success rates of models side by side')
  command.description('Success rates, confidence and time of models side by side, best first.')
  withParameters(withWhere(command), questionAt('model-comparison'))
    .addOption(
      new Option('--equal-mix', 'compare at the same mix of issue types')
        .conflicts('minAttempts')
        .helpGroup('Options:'),
    )
    .addOption(
      parameterOption(questionAt('fair-comparison'), 'by').implies({ equalMix: true }).conflicts('minAttempts'),
    )
    .addHelpText('after', EXAMPLES)
    .action(() => (command.opts<{ equalMix?: true }>().equalMix ? compareFairly(command, io) : compare(command, io)))
}

async function compare(command: Command, io: Io): Promise<void> {
  const { json, ...where } = command.opts<WhereOptions>()
  const given = givenParameters(command, questionAt('model-comparison'))
  const [answer, answerOfAll, unknown] = await withSource(where, io, 'ask', async source => {
    const answer = await source.ask('model-comparison', given)
    if (json) return [answer, answer, []] as const
    const answerOfAll = await source.ask('model-comparison', { ...given, min_attempts: 1 })
    const isEmpty = Object.keys(withoutRange(answerOfAll)).length === 0
    return [answer, answerOfAll, isEmpty ? await unknownNames(source, given) : []] as const
  })
  const { min_attempts } = given
  const hints = hintsOf(where, io.env)
  const [models, all] = [withoutRange(answer), withoutRange(answerOfAll)]
  if (json) await printJson(io.stdout, answer)
  else if (Object.keys(models).length === 0)
    await print(
      io.stdout,
      [tooFew('No model', min_attempts, 'with one agent at one issue type', hints), ...unknown].join('\n'),
    )
  else
    await print(
      io.stdout,
      withAnswered(modelsText(models, totalOf(all) - totalOf(models), min_attempts ?? 5, io), answer, io),
    )
}

type Models = Readonly<Record<string, ModelPerformance>>

const totalOf = (models: Models): number => Object.values(models).reduce((sum, model) => sum + model.total_attempts, 0)

function modelsText(models: Models, leftOut: number, minAttempts: number, io: Io): string {
  const table = tableText([{ title: 'model', align: 'left' }, ...MODEL_COLUMNS], modelRows(models), io)
  if (leftOut <= 0) return table
  const remark = `Left out: ${counted(leftOut, 'attempt')} of keys (agent, model and issue type) with fewer than ${minAttempts}; --min-attempts 1 counts them too.`
  return [table, '', wrapped(remark, io)].join('\n')
}

async function compareFairly(command: Command, io: Io): Promise<void> {
  const { json, ...where } = command.opts<WhereOptions>()
  const given = givenParameters(command, questionAt('fair-comparison'))
  const { by = 'model_name' } = given
  const comparison = await withSource(where, io, 'ask', source => source.ask('fair-comparison', { ...given, by }))
  if (json) await printJson(io.stdout, comparison)
  else await print(io.stdout, withAnswered(fairText(comparison, by, given, io, hintsOf(where, io.env)), comparison, io))
}
