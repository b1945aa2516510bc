/** `compare-models`: how well the models do, whatever agent runs them; or models and agents at the same mix of issue types. */
import { type Command, Option } from 'commander'
import { FAIR_GROUPINGS, type FairGrouping } from '../core/reports/fair-report.ts'
import { fairText } from './fair-text.ts'
import { counted } from './format.ts'
import { type Io, print, printJson } from './io.ts'
import { type QuestionOptions, questionOf, withMinAttempts, withQuestion, withWhere } from './options.ts'
import { MODEL_COLUMNS, modelRows, tooFew } from './report.ts'
import { type Source, withSource } from './source.ts'
import { tableText, wrapped } from './text.ts'

const EXAMPLES = `
A model counts over its keys (agent, model and issue type) that have
--min-attempts each; how many attempts that leaves out is told below the table.
"report" counts them all.

Whoever gets the easier issues has the better rate. With --equal-mix all are
compared at the same mix of issue types, over those that all of them have tried,
and every pair whose order that turns over is told in a warning.

Examples:
  agent-performance compare-models
  agent-performance compare-models --issue-type bug --min-attempts 20
  agent-performance compare-models --equal-mix --by agent_name
  agent-performance compare-models --since 30d --json`

interface CompareOptions extends QuestionOptions {
  readonly minAttempts?: number
  readonly equalMix?: true
  readonly by?: FairGrouping
}

export function addCompareModels(program: Command, io: Io): void {
  const command = program.command('compare-models').summary('success rates of models side by side')
  command.description('Success rates, confidence and time of models side by side, best first.')
  withMinAttempts(withQuestion(withWhere(command)))
    .optionsGroup('Options:')
    .addOption(new Option('--equal-mix', 'compare at the same mix of issue types').conflicts('minAttempts'))
    .addOption(
      new Option('--by <what>', 'whom to compare at it (default: model_name)')
        .choices(FAIR_GROUPINGS)
        .implies({ equalMix: true })
        .conflicts('minAttempts'),
    )
    .addHelpText('after', EXAMPLES)
    .action((options: CompareOptions) => (options.equalMix ? compareFairly(options, io) : compare(options, io)))
}

async function compare(options: CompareOptions, io: Io): Promise<void> {
  const { minAttempts } = options
  const question = { ...questionOf(options), minAttempts }
  const [models, all] = await withSource(options, io, 'ask', async source => {
    const models = await source.compareModels(question)
    return [models, options.json ? models : await source.compareModels({ ...question, minAttempts: 1 })] as const
  })
  if (options.json) await printJson(io.stdout, models)
  else if (Object.keys(models).length === 0)
    await print(io.stdout, tooFew('No model', minAttempts, 'with one agent at one issue type'))
  else await print(io.stdout, modelsText(models, totalOf(all) - totalOf(models), minAttempts ?? 5, io))
}

type Models = Awaited<ReturnType<Source['compareModels']>>

const totalOf = (models: Models): number => Object.values(models).reduce((sum, model) => sum + model.total_attempts, 0)

function modelsText(models: Models, leftOut: number, minAttempts: number, io: Io): string {
  const table = tableText([{ title: 'model', align: 'left' }, ...MODEL_COLUMNS], modelRows(models), io)
  if (leftOut <= 0) return table
  const remark = `Left out: ${counted(leftOut, 'attempt')} of keys (agent, model and issue type) with fewer than ${minAttempts}; --min-attempts 1 counts them too.`
  return [table, '', wrapped(remark, io)].join('\n')
}

async function compareFairly(options: CompareOptions, io: Io): Promise<void> {
  const { by = 'model_name' } = options
  const question = questionOf(options)
  const comparison = await withSource(options, io, 'ask', source => source.fairComparison({ ...question, by }))
  if (options.json) await printJson(io.stdout, comparison)
  else await print(io.stdout, fairText(comparison, by, question, io))
}
