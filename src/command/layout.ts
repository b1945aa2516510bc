/** The text layout of a question for the terminal. The rest of its command derives from the question. */
import type { Option } from 'commander'
import type { Answer, Input, QuestionPath } from '../questions/questions.ts'
import type { Hints } from './hints.ts'
import type { Io } from './io.ts'

/** Exported by `layouts/<command>.ts` as `layout`. */
export interface Layout<Path extends QuestionPath> {
  /** `--help` prints it below the options: the meaning of the answer, and examples. */
  readonly help: string
  /** Changes the parameters before the question is asked. */
  readonly adjust?: (given: Input<Path>) => Input<Path>
  /** The message on standard error if the answer is empty. The exit code is then 1. Undefined for any other answer. */
  readonly noAnswer?: (answer: Answer<Path>, given: Input<Path>, io: Io, hints: Hints) => string | undefined
  /** Whether no attempt fits the question. Names that no attempt has are then pointed out. */
  readonly isEmpty?: (answer: Exclude<Answer<Path>, undefined>) => boolean
  /** Options of the text. They do not change the question. */
  readonly options?: readonly Option[]
  /** The answer as text. `shown` has the values of {@link options}. */
  readonly text: (
    answer: Exclude<Answer<Path>, undefined>,
    given: Input<Path>,
    io: Io,
    hints: Hints,
    shown: Shown,
  ) => string
}

/** The values of a layout's options, by their attribute names. */
export type Shown = Readonly<Record<string, unknown>>
