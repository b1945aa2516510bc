/** The definition of a question. HTTP, /openapi.json, the typed client, the tracker and the command derive from it. */
import type { z } from 'zod'
import type { AlertSettings, EvaluatedAlerts } from '../core/alerts/alert.ts'
import type { TimeZone } from '../core/attempt/time-zone.ts'
import {
  type KeyFilter,
  RangeNotHeld,
  type StopSignal,
  type Store,
  type StoreQueries,
  type TimeRange,
} from '../core/ports.ts'
import type { Ranged } from '../core/reports/range.ts'
import type { Selection } from '../core/reports/selection.ts'
import type { ParameterFault } from '../server/problem.ts'
import { clipQuery, sayAnswered, withAnswered } from './answered-range.ts'
import type { Exactly } from './schema.ts'

/** The part of the store that questions read, and the settings of alerts. */
export interface Facts extends StoreQueries, Pick<Store, 'asOf' | 'health'> {
  /** Undefined for the default settings. */
  readonly alertSettings?: (() => AlertSettings) | undefined
  /** The last evaluation of these settings. Undefined in a process that evaluates none in intervals. */
  readonly evaluatedAlerts?: (() => EvaluatedAlerts | undefined) | undefined
  /** The name under which the attempts of a spelling of a model are stored. Undefined if models have one spelling. */
  readonly modelNameOf?: ((spelling: string) => string) | undefined
}

/** The validated parameters of a question with defaults applied, and the values computed from the shared ones. */
export type ParsedQuery<Parameters extends object = object> = Parameters & {
  readonly filter: KeyFilter
  /** Undefined for the whole lifetime. Where a question runs, its edges are clipped to time buckets. */
  readonly range: TimeRange | undefined
  /** What the answer says about itself. Undefined before the question runs. */
  readonly answered?: Ranged | undefined
  /** The zone of days and weeks. */
  readonly zone: TimeZone
  /** When the question was parsed, in milliseconds since the epoch. Lengths back from now refer to it. */
  readonly nowMs: number
}

/** The schema of parameters. Each parameter may also be given as text. */
export interface ParameterSchema<Input = object> extends z.ZodType<object, Input> {
  readonly shape: Readonly<Record<string, z.ZodType>>
}

/**
 * A question: its parameters, the computation of its answer, and the answer's schema. `Input` is the type of the given parameters. `Answer`
 * includes undefined if there may be no answer.
 */
export interface Question<Path extends string = string, Input extends object = object, Answer = unknown> {
  /** The path below `/api/v1/`, which identifies the question. `{name}` in it is the parameter `name`. */
  readonly path: Path
  /** One sentence without a full stop. */
  readonly summary: string
  readonly parameters: ParameterSchema<Input>
  readonly answer: z.ZodType<Exclude<Answer, undefined>>
  /** Parameters of the example in /openapi.json. */
  readonly example: NoInfer<Input>
  /** The command that asks it. Its text layout is `command/layouts/<command>.ts`. */
  readonly command?: string
  /** Computes the answer. Rejects with {@link InvalidParameters} or as the store does, and with the signal's reason if that aborts first. */
  run(facts: Facts, query: ParsedQuery, signal?: StopSignal): Promise<Answer>
  /** Why there is no answer, in one sentence: the detail of a 404. Present if `run` may resolve with undefined. */
  noAnswer?(query: ParsedQuery): string
  /** What the store says about why there is no answer, to be said behind {@link noAnswer}. Undefined: nothing. */
  noAnswerHint?(facts: Facts, query: ParsedQuery, signal?: StopSignal): Promise<string | undefined>
  /** Whether equal questions have different answers, so that they must not share one. */
  isUnique?(query: ParsedQuery): boolean
  /** The same answer as pieces of JSON text, for answers of any length. HTTP streams them as fast as the client reads. */
  print?(facts: Facts, query: ParsedQuery, signal?: StopSignal): Promise<Iterator<string>>
}

/** A question as defined in its file, with the types of its schemas. */
interface Definition<
  Path extends string,
  Input extends object,
  Answer,
  Parameters extends z.ZodObject,
  Schema extends z.ZodType,
> extends Omit<Question<Path, Input, Answer>, 'parameters' | 'answer' | 'run' | 'noAnswer' | 'isUnique' | 'print'> {
  /** Whether it is answered from single attempts. The edges of its range are then not clipped. */
  readonly isExact?: boolean
  readonly parameters: Parameters & Exactly<Input, z.input<Parameters>>
  readonly answer: Schema & Exactly<Exclude<Answer, undefined>, z.output<Schema>>
  run(facts: Facts, query: ParsedQuery<z.output<Parameters>>, signal?: StopSignal): Promise<Answer>
  noAnswer?(query: ParsedQuery<z.output<Parameters>>): string
  isUnique?(query: ParsedQuery<z.output<Parameters>>): boolean
  print?(facts: Facts, query: ParsedQuery<z.output<Parameters>>, signal?: StopSignal): Promise<Iterator<string>>
}

/** How often a question is computed again because buckets were evicted meanwhile. Each time its range is clipped to what is still held. */
const MAX_EVICTIONS = 3

/**
 * Defines a question. It does not compile unless the schemas and the declared types of parameters and answer are the same. If it takes a range,
 * the range is clipped before it runs, and its answer says that range. Every answer says up to when it is complete, if it may not be.
 */
export function defineQuestion<
  Path extends string,
  Input extends object,
  Answer,
  Parameters extends z.ZodObject,
  Schema extends z.ZodType,
>(definition: Definition<Path, Input, Answer, Parameters, Schema>): Question<Path, Input, Answer> {
  const question = definition as unknown as Question<Path, Input, Answer> & { readonly isExact?: boolean }
  if (!('since' in question.parameters.shape)) return question
  const { isExact = false, answer, run, print } = question
  return {
    ...question,
    answer: withAnswered(answer) as typeof answer,
    async run(facts, query, signal) {
      const viewed = viewedFacts(facts, query)
      for (let evictions = 0; ; evictions++) {
        const clipped = await clipQuery(facts, query, isExact, signal)
        try {
          return sayAnswered(await run(viewed, clipped, signal), clipped.answered)
        } catch (error) {
          // The start of the range was held when it was clipped. A range that is not held any more is refused by the next clip.
          if (!(error instanceof RangeNotHeld) || evictions === MAX_EVICTIONS) throw error
        }
      }
    },
    ...(print !== undefined && {
      print: async (facts, query, signal) =>
        print(viewedFacts(facts, query), await clipQuery(facts, query, isExact, signal), signal),
    }),
  }
}

/** The facts whose summaries count the results that a query asks for, unless the question asks for others. */
function viewedFacts(facts: Facts, query: ParsedQuery): Facts {
  const { outcome = 'latest' }: Pick<Selection, 'outcome'> = query as ParsedQuery<Selection>
  if (outcome === 'latest') return facts
  return {
    ...facts,
    summaries: (range, filter, signal, view = outcome) => facts.summaries(range, filter, signal, view),
    arms: (experiment, range, filter, signal, view = outcome) => facts.arms(experiment, range, filter, signal, view),
  }
}

/** Invalid parameters. The message names each of them. */
export class InvalidParameters extends RangeError {
  override readonly name = 'InvalidParameters'
  readonly faults: readonly ParameterFault[]
  /** The exit code of a command that fails with this error. */
  readonly exitCode = 64

  constructor(faults: readonly ParameterFault[]) {
    super(faults.map(({ name, detail }) => `${name} ${detail}`).join('; '))
    this.faults = faults
  }
}
