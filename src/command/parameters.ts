/** The parameters of a question as options of a command. Required parameters are arguments. */
import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import { nameProblem } from '../core/attempt/validation.ts'
import { parseRange } from '../core/reports/range.ts'
import { type Selection, selectionOf } from '../core/reports/selection.ts'
import { type DescribedParameter, describeParameters } from '../questions/parameter-json.ts'
import { selection } from '../questions/parameters.ts'
import type { Question } from '../questions/question.ts'
import type { Input, QuestionPath } from '../questions/questions.ts'
import { CommandError, EXIT } from './exit.ts'
import { uncapitalized } from './format.ts'

/** Adds an argument for each required parameter and an option for each other one, except those in `except`. */
export function withParameters(command: Command, question: Question, except: readonly string[] = []): Command {
  const parameters = describeParameters(question).filter(({ name }) => !except.includes(name))
  for (const parameter of parameters) {
    if (parameter.isRequired) command.addArgument(argumentOf(question, parameter))
    else command.addOption(optionOf(question, parameter))
  }
  return command
}

/** The option for one parameter of a question. */
export function parameterOption(question: Question, name: string): Option {
  return optionOf(question, describeParameters(question).find(parameter => parameter.name === name)!)
}

/** The argument for a required parameter. All required parameters are names, so an invalid name is rejected before the question is asked. */
function argumentOf(question: Question, parameter: DescribedParameter): Argument {
  return new Argument(`<${dashed(parameter.name)}>`, helpOf(parameter)).argParser(given => {
    const problem = nameProblem(given)
    if (problem !== undefined) throw new InvalidArgumentError(`It ${problem}.`)
    return parseValue(question, parameter, given)
  })
}

function optionOf(question: Question, parameter: DescribedParameter): Option {
  const { name, value, json } = parameter
  const flag = json.type === 'boolean' ? `--${dashed(name)}` : `--${dashed(name)} <${value}>`
  const option = new Option(flag, helpOf(parameter)).helpGroup(name in selection ? 'Which attempts:' : 'Options:')
  if (json.type === 'boolean') return option
  if (json.enum !== undefined) return option.choices(json.enum)
  return option.argParser(given => parseValue(question, parameter, given))
}

function helpOf({ json: { type, description, default: preset } }: DescribedParameter): string {
  const fallback = preset === undefined || type === 'boolean' ? '' : ` (default: ${preset})`
  return `${uncapitalized(description)}${fallback}`
}

/** Parses the value of an option. Throws an `InvalidArgumentError`, whose message commander prints. */
function parseValue({ parameters }: Question, { name, json }: DescribedParameter, given: string): string | number {
  const checked = parameters.shape[name]!.safeParse(given)
  if (!checked.success) throw new InvalidArgumentError(`It ${checked.error.issues[0]!.message}.`)
  return json.type === 'number' || json.type === 'integer' ? Number(given) : given
}

const dashed = (name: string): string => name.replaceAll('_', '-')

/** The parameters given on the command line. Throws a {@link CommandError} if the time range is invalid. */
export function givenParameters<Path extends QuestionPath>(command: Command, question: Question<Path>): Input<Path> {
  const options = command.opts<Record<string, unknown>>()
  const required = describeParameters(question).filter(({ isRequired }) => isRequired)
  const given = new Map(required.map(({ name }, place) => [name, command.processedArgs[place]]))
  for (const name of Object.keys(question.parameters.shape)) {
    const value = options[new Option(`--${dashed(name)}`).attributeName()]
    if (value !== undefined) given.set(name, value)
  }
  const parameters = Object.fromEntries(given) as Input<Path>
  refuseBadRange(parameters)
  return parameters
}

function refuseBadRange({ since, until, tz }: Selection): void {
  const range = parseRange({ since, until, tz }, Date.now())
  if (range !== undefined && 'detail' in range) {
    throw new CommandError(EXIT.usage, `--${range.parameter} ${range.detail}`)
  }
}

/** Whether the parameters select only some of the attempts. */
export const isNarrowed = (parameters: Selection): boolean => Object.keys(selectionOf(parameters)).length > 0
