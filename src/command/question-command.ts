/** Creates the commands of questions. */
import type { Command } from 'commander'
import type { Question } from '../questions/question.ts'
import { QUESTIONS, type QuestionPath } from '../questions/questions.ts'
import { EXIT } from './exit.ts'
import { type Io, print, printJson } from './io.ts'
import type { Layout } from './layout.ts'
import { givenParameters, withParameters } from './parameters.ts'
import { withSource } from './source.ts'
import { withAnswered } from './text.ts'
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
  { help, adjust, noAnswer, text }: Layout<QuestionPath>,
  io: Io,
  exit: (code: number) => void,
): void {
  const { path, summary } = question
  const command = program.command(question.command).summary(summary.charAt(0).toLowerCase() + summary.slice(1))
  withParameters(withWhere(command.description(`${summary}.`)), question)
    .addHelpText('after', help)
    .action(async () => {
      const { json, ...where } = command.opts<WhereOptions>()
      const typed = givenParameters(command, question)
      const given = adjust?.(typed) ?? typed
      const answer = await withSource(where, io, 'ask', source => source.ask(path, given))
      const reason = noAnswer?.(answer, given, io)
      if (reason !== undefined) exit(EXIT.noAnswer)
      if (json) await printJson(io.stdout, answer ?? null)
      else if (reason !== undefined) await print(io.stderr, reason)
      else if (answer !== undefined) await print(io.stdout, withAnswered(text(answer, given, io), answer))
    })
}
