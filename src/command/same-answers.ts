/** Compares everything that two stores answer. */
import { createHash } from 'node:crypto'
import { type Clock, ExperimentNotTold } from '../core/ports.ts'
import { parseQuery } from '../questions/parse-query.ts'
import type { Question } from '../questions/question.ts'
import { QUESTIONS, type QuestionPath } from '../questions/questions.ts'
import { exposedText } from '../sidecar/exposed-text.ts'
import type { ReadableStore } from '../store/backend.ts'
import { stateDigest } from '../store/copy/digest.ts'

/** What was compared and is equal, and what differs. */
export interface Comparison {
  /** Answers that were compared, of how many questions. */
  readonly answers: number
  readonly questions: number
  readonly keys: number
  /** Listed attempts. */
  readonly attempts: number
  /** What differs, by name. Empty if the stores are equal. */
  readonly differences: readonly string[]
}

/** Issue types and experiments that are asked for by name. The state is compared whole, so a few of them suffice. */
const NAMES = 5
const PAGE = 1000

/** Neither store may change meanwhile. */
export async function compareStores(a: ReadableStore, b: ReadableStore, clock: Clock): Promise<Comparison> {
  const differences: string[] = []
  async function compare(name: string, of: (store: ReadableStore) => Promise<string>): Promise<void> {
    if ((await of(a)) !== (await of(b))) differences.push(name)
  }
  const asked = QUESTIONS.flatMap(question => parametersOf(question, a).map(given => ({ question, given })))
  for (const { question, given } of asked)
    await compare(`${question.path} ${JSON.stringify(given)}`, store => answerText(store, question, given, clock()))
  await compare('/metrics', store => digestOf(exposedText(store.state.tally, clock)))
  await compare('the folded state', store => stateDigest(store.state))
  let attempts = 0
  await compare('the list of attempts', async store => {
    const listed = await listAttempts(store)
    ;({ attempts } = listed)
    return listed.digest
  })
  const keys = a.state.tally.keys().length
  return { answers: asked.length, questions: QUESTIONS.length, keys, attempts, differences }
}

/** The parameters of the example, for the last day too, and with names of the store. */
function parametersOf({ example }: Question<QuestionPath>, { state }: ReadableStore): readonly object[] {
  const { tally } = state
  const names = (all: Iterable<string>): string[] => [...new Set(all)].slice(0, NAMES)
  const types = names(tally.keys().map(({ key }) => key.issue_type))
  const experiments = names([...tally.plans.keys(), ...tally.allArms().map(({ experiment }) => experiment)])
  return [
    example,
    { ...example, since: '1d' },
    ...('issue_type' in example ? types.map(issue_type => ({ ...example, issue_type })) : []),
    ...('name' in example ? experiments.map(name => ({ ...example, name })) : []),
  ]
}

async function answerText(
  store: ReadableStore,
  question: Question<QuestionPath>,
  given: object,
  nowMs: number,
): Promise<string> {
  try {
    const query = parseQuery(question, given, nowMs)
    if (question.print === undefined) return JSON.stringify(await question.run(store, query), withoutCursor) ?? ''
    const hash = createHash('sha256')
    const pieces = await question.print(store, query)
    for (let piece = pieces.next(); piece.done !== true; piece = pieces.next()) hash.update(piece.value)
    return hash.digest('hex')
  } catch (error) {
    // Answers too: the store does not hold that range any more, or not that experiment.
    if (error instanceof RangeError || error instanceof ExperimentNotTold) return error.message
    throw error
  }
}

/** Each kind of store has its own cursors. Damage of the source is reported on its own. */
function withoutCursor(name: string, value: unknown): unknown {
  if (name === 'missing') return undefined
  return name === 'next_cursor' && value !== null ? 'a cursor' : value
}

async function listAttempts(store: ReadableStore): Promise<{ readonly attempts: number; readonly digest: string }> {
  const hash = createHash('sha256')
  let attempts = 0
  let cursor: string | undefined
  do {
    const page = await store.attempts({ limit: PAGE, order: 'oldest', cursor })
    for (const attempt of page.attempts) hash.update(`${JSON.stringify(attempt)}\n`)
    attempts += page.attempts.length
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return { attempts, digest: hash.digest('hex') }
}

async function digestOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}
