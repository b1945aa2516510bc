/** Creates the commands of questions. */
import type { Command } from 'commander'
import type { Question } from '../questions/question.ts'
import { QUESTIONS, type QuestionPath } from '../questions/questions.ts'
import { EXIT } from './exit.ts'
import { uncapitalized } from './format.ts'
import { hintsOf } from './hints.ts'
import { type Io, print, printJson } from './io.ts'
import type { Layout } from './layout.ts'
import { givenParameters, withParameters } from './parameters.ts'
import { pendingAttempts } from './pending-attempts.ts'
import { type Source, withSource } from './source.ts'
import { withAnswered, wrapped } from './text.ts'
import { unknownNames } from './unknown-names.ts'
import { type WhereOptions, withWhere } from './where.ts'

/** Adds a command for every question that has one. `exit` sets the exit code. */
export async function addQuestionCommands(program: Command, io: Io, exit: (code: number) => void): Promise<void> {
  for (const question of QUESTIONS) {
    const { command } = question
    if (command !== undefined) addQuestionCommand(program, { ...question, command }, await layoutOf(command), io, exit)
  }
}

/** Loads the layout by the name of the command. A new question needs only its two files and its line in the registry. */
async function layoutOf(command: string): Promise<Layout<QuestionPath>> {
  const { layout } = (await import(`./layouts/${command}.ts`)) as { readonly layout: Layout<QuestionPath> }
  return layout
}

function addQuestionCommand(
  program: Command,
  question: Question<QuestionPath> & { readonly command: string },
  layout: Layout<QuestionPath>,
  io: Io,
  exit: (code: number) => void,
): void {
  const { path, summary } = question
  const { help, adjust, noAnswer, isEmpty, options = [], text } = layout
  const command = program.command(question.command).summary(uncapitalized(summary))
  withParameters(withWhere(command.description(`${summary}.`)), question)
  for (const option of options) command.addOption(option)
  command.addHelpText('after', help).action(async () => {
    const { json, ...where } = command.opts<WhereOptions>()
    const typed = givenParameters(command, question)
    const given = adjust?.(typed) ?? typed
    const hints = hintsOf(where, io.env)
    const { answer, reason, pending, unknown } = await withSource(where, io, 'ask', async source => {
      const answer = await source.ask(path, given)
      const reason = noAnswer?.(answer, given, io, hints)
      const isNone = reason !== undefined || (answer !== undefined && isEmpty?.(answer) === true)
      const why = isNone && !json ? await noAnswerHints(source, path, given) : { unknown: [] }
      return { answer, reason, ...why }
    })
    if (reason !== undefined) exit(EXIT.noAnswer)
    if (json) await printJson(io.stdout, answer ?? null)
    else if (reason !== undefined)
      await print(io.stderr, [reason, ...(pending === undefined ? [] : [pending]), ...unknown].join('\n'))
    else if (answer !== undefined) {
      // That nothing was recorded yet would be wrong where attempts are pending.
      const shown = pending === undefined ? text(answer, given, io, hints, command.opts()) : wrapped(pending, io)
      await print(io.stdout, [withAnswered(shown, answer, io), ...unknown].join('\n'))
    }
  })
}

/** Why an answer is empty. */
interface NoAnswerHints {
  readonly pending?: string | undefined
  readonly unknown: readonly string[]
}

/** Attempts are pending, or a name is unknown. A name whose attempts are all pending is not unknown. That no alert fires has other reasons. */
async function noAnswerHints(source: Source, path: QuestionPath, given: object): Promise<NoAnswerHints> {
  const pending = path === 'alerts' ? undefined : await pendingAttempts(source, given)
  return { pending, unknown: pending === undefined ? await unknownNames(source, given) : [] }
}
