/** The questions by their paths, with their types. */
import type { StopSignal } from '../core/ports.ts'
import type { Ranged } from '../core/reports/range.ts'
import { parseQuery } from './parse-query.ts'
import type { Facts, Question } from './question.ts'
import * as registry from './registry.ts'

export type Registry = typeof registry

/** Identifies a question: its path below `/api/v1/`. */
export type QuestionPath = Registry[keyof Registry]['path']

type QuestionAt<Path extends QuestionPath> = Extract<Registry[keyof Registry], { readonly path: Path }>

/** The parameters of the question at `Path`. */
export type Input<Path extends QuestionPath> =
  QuestionAt<Path> extends Question<Path, infer Given, unknown> ? Given : never

/** The answer of the question at `Path`, with its range. Includes undefined if there may be no answer. */
export type Answer<Path extends QuestionPath> =
  QuestionAt<Path> extends Question<Path, object, infer Given> ? InRange<Given> : never

type InRange<Given> = Given extends undefined ? Given : Given & Ranged

export const QUESTIONS: readonly Question<QuestionPath>[] = Object.values(registry)

const byPath: ReadonlyMap<QuestionPath, Question<QuestionPath>> = new Map(
  QUESTIONS.map(question => [question.path, question]),
)

/** The question at a path. */
export const questionAt = <Path extends QuestionPath>(path: Path): Question<Path, Input<Path>, Answer<Path>> =>
  byPath.get(path) as unknown as Question<Path, Input<Path>, Answer<Path>>

/** Answers a question in this process. Rejects with `InvalidParameters`, an error of the store, or the signal's reason. */
export async function answerQuestion<Path extends QuestionPath>(
  facts: Facts,
  path: Path,
  given: Input<Path>,
  nowMs: number,
  signal?: StopSignal,
): Promise<Answer<Path>> {
  const question = questionAt(path)
  return await question.run(facts, parseQuery(question, given, nowMs), signal)
}
