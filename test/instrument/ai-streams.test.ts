import { expect, it } from 'vitest'
import { collecting } from './collecting.ts'
import { all } from './stream-kinds.ts'

const labels = { agent_name: 'Fixer', model_name: 'gpt', issue_type: 'bug' }

/** A part of a stream of the AI SDK. */
type Part = { readonly type: string; readonly text?: string; readonly error?: unknown; readonly finishReason?: string }

/**
 * A result as `streamText` makes it: each reader gets one branch of the stream, and the other is kept for the next. `npm run test:packages` runs
 * the SDK itself.
 */
class StreamedText {
  baseStream: ReadableStream<{ part: Part }>
  #pulled = 0

  constructor(parts: readonly Part[]) {
    const rest = [...parts]
    this.baseStream = new ReadableStream(
      {
        pull: controller => {
          this.#pulled++
          const part = rest.shift()
          if (part === undefined) controller.close()
          else controller.enqueue({ part })
        },
      },
      { highWaterMark: 0 },
    )
  }

  get pulled(): number {
    return this.#pulled
  }

  get textStream(): ReadableStream<string> {
    const [read, kept] = this.baseStream.tee()
    this.baseStream = kept
    const texts = new TransformStream<{ part: Part }, string>({
      transform: ({ part }, controller) => {
        if (part.text !== undefined) controller.enqueue(part.text)
      },
    })
    return read.pipeThrough(texts)
  }
}

const TEXT: readonly Part[] = ['a', 'b', 'c'].map(text => ({ type: 'text-delta', text }))
const FINISH: Part = { type: 'finish', finishReason: 'stop' }

const ways: [
  how: string,
  parts: readonly Part[],
  recorded: object,
  read?: (result: StreamedText) => Promise<unknown>,
][] = [
  ['is read to its end', [...TEXT, FINISH], { success: true }],
  [
    'has an error part',
    [...TEXT, { type: 'error', error: new RangeError('midway') }],
    { success: false, error_type: 'RangeError' },
  ],
  [
    'finishes with an error',
    [...TEXT, { type: 'finish', finishReason: 'error' }],
    { success: false, error_type: '_OTHER' },
  ],
  ['has an abort part', [...TEXT, { type: 'abort' }], { success: false, error_type: 'aborted' }],
  [
    'is left by its reader',
    [...TEXT, FINISH],
    { success: false, error_type: 'aborted' },
    async ({ textStream }) => {
      for await (const _ of textStream) break
    },
  ],
  [
    'is left by one of two readers',
    [...TEXT, FINISH],
    { success: true },
    async result => {
      const [one, other] = [result.textStream, result.textStream]
      for await (const _ of one) break
      expect(await all(other)).toEqual(['a', 'b', 'c'])
    },
  ],
]
it.each(ways)('a streamed text that %s', async (_, parts, recorded, read = ({ textStream }) => all(textStream)) => {
  const { instrumentation, attempts } = collecting()
  const result = instrumentation.trackAttempt(labels, () => new StreamedText(parts))
  expect(attempts).toEqual([])
  await read(result)
  await expect.poll(() => attempts).toMatchObject([recorded])
})

it('a streamed text is requested at the pace of its reader', async () => {
  const { instrumentation } = collecting()
  const pulledBy = async (result: StreamedText): Promise<number[]> => {
    const reader = result.textStream.getReader()
    const pulled = []
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      await new Promise(resolve => setImmediate(resolve))
      pulled.push(result.pulled)
    }
    return pulled
  }
  const without = await pulledBy(new StreamedText([...TEXT, ...TEXT, FINISH]))
  expect(
    await pulledBy(instrumentation.trackAttempt(labels, () => new StreamedText([...TEXT, ...TEXT, FINISH]))),
  ).toEqual(without)
})
