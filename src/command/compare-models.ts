/** `compare-models`: how well the models do, whatever agent runs them. */
import type { Command } from 'commander'
import { bold, type Io, print, printJson, widthOf } from './io.ts'
import { type QuestionOptions, questionOf, withMinAttempts, withQuestion, withWhere } from './options.ts'
import { MODEL_COLUMNS, modelRows, tooFew } from './report.ts'
import { withSource } from './source.ts'
import { tableLines } from './table.ts'

const EXAMPLES = `
A model counts over its keys (agent and issue type) that have --min-attempts
each.

Examples:
  agent-performance compare-models
  agent-performance compare-models --issue-type bug --min-attempts 20
  agent-performance compare-models --since 30d --json`

interface CompareOptions extends QuestionOptions {
  readonly minAttempts?: number
}

export function addCompareModels(program: Command, io: Io): void {
  const command = program.command('compare-models').summary('success rates of models side by side')
  command.description('Success rates, confidence and time of models side by side, best first.')
  withMinAttempts(withQuestion(withWhere(command)))
    .addHelpText('after', EXAMPLES)
    .action(async (options: CompareOptions) => {
      const question = questionOf(options)
      const { minAttempts } = options
      const models = await withSource(options, io.env, 'ask', source =>
        source.compareModels({ ...question, minAttempts }),
      )
      const rows = modelRows(models)
      if (options.json) return printJson(io.stdout, models)
      if (rows.length === 0)
        return print(io.stdout, tooFew('No model', minAttempts, 'with one agent at one issue type'))
      const [titles = '', ...lines] = tableLines(
        [{ title: 'model', align: 'left' }, ...MODEL_COLUMNS],
        rows,
        widthOf(io.stdout),
      )
      return print(io.stdout, [bold(titles, io.stdout, io.env), ...lines].join('\n'))
    })
}
