/** What is written per question for the terminal: everything else of its command derives from the question. */
import type { Answer, Input, QuestionPath } from '../questions/questions.ts'
import type { Io } from './io.ts'

/** The text layout of a question, in `layouts/<command>.ts` under the name `layout`. */
export interface Layout<Path extends QuestionPath> {
  /** Shown below the options by `--help`: what the answer means, and examples. */
  readonly help: string
  /** Changes what is asked. */
  readonly adjust?: (given: Input<Path>) => Input<Path>
  /** What standard error says, with exit code 1, if the answer names nobody and nothing; undefined for any other answer. */
  readonly none?: (answer: Answer<Path>, given: Input<Path>, io: Io) => string | undefined
  /** The answer for people. */
  readonly text: (answer: Exclude<Answer<Path>, undefined>, given: Input<Path>, io: Io) => string
}
