import { type ContextManager, context, ROOT_CONTEXT } from '@opentelemetry/api'
import fc from 'fast-check'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createInstrumentation, type NewAttempt, type Problem } from '../../src/index.ts'
import { collecting } from './collecting.ts'
import { setSpans, unsetTelemetry } from './telemetry.ts'

const labels = { agent_name: 'Fixer', model_name: 'llama3:8b', issue_type: 'complexity' }

afterEach(unsetTelemetry)

describe('the result of the work is unchanged', () => {
  it('returns the same value as synchronous work, not a promise of it', () => {
    const { trackAttempt } = createInstrumentation()
    fc.assert(
      fc.property(fc.anything(), value => {
        expect(trackAttempt(labels, () => value)).toBe(value)
      }),
    )
  })

  it('returns the same promise as asynchronous work', async () => {
    const { trackAttempt } = createInstrumentation()
    const promise = Promise.resolve({ success: true })
    expect(trackAttempt(labels, () => promise)).toBe(promise)
    await promise
  })

  it('throws the same value as synchronous work, and records a failed attempt', () => {
    const { instrumentation, attempts } = collecting()
    fc.assert(
      fc.property(fc.anything(), thrown => {
        const before = attempts.length
        let caught: unknown
        try {
          instrumentation.trackAttempt(labels, () => {
            throw thrown
          })
        } catch (error) {
          caught = error
        }
        expect(caught).toBe(thrown)
        expect(attempts.length).toBe(before + 1)
        expect(attempts.at(-1)).toMatchObject({ ...labels, success: false })
      }),
    )
  })

  it('leaves the rejection of asynchronous work to its caller, and records a failed attempt', async () => {
    const { instrumentation, attempts } = collecting()
    const error = new TypeError('no')
    await expect(instrumentation.trackAttempt(labels, () => Promise.reject(error))).rejects.toBe(error)
    expect(attempts).toMatchObject([{ ...labels, success: false, error_type: 'TypeError' }])
  })

  it('returns the same thenable, which still resolves with its value', async () => {
    const { instrumentation, attempts } = collecting()
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
    const given = { then: (resolve: (value: number) => void) => resolve(42) }
    const returned = instrumentation.trackAttempt(labels, () => given as PromiseLike<number>)
    expect(returned).toBe(given)
    expect(await returned).toBe(42)
    expect(attempts).toMatchObject([{ success: true }])
  })

  it('records a thenable that rejects as a failed attempt', async () => {
    const { instrumentation, attempts } = collecting()
    const error = new RangeError('far')
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
    const given: PromiseLike<never> = { then: (_, reject) => Promise.reject(error).then(undefined, reject) }
    await expect(instrumentation.trackAttempt(labels, () => given)).rejects.toBe(error)
    expect(attempts).toMatchObject([{ success: false, error_type: 'RangeError' }])
  })

  it.each(['before', 'after'])('runs the work once, also where the context manager throws %s it', moment => {
    const { instrumentation, attempts } = collecting()
    setSpans()
    context.disable()
    context.setGlobalContextManager(throwingContextManager(moment))
    let runs = 0
    expect(instrumentation.trackAttempt(labels, () => ++runs)).toBe(1)
    expect(runs).toBe(1)
    expect(attempts).toHaveLength(1)
  })
})

describe('what counts as a success', () => {
  const outcomes: [what: string, result: unknown, expected: Partial<NewAttempt>][] = [
    ['nothing said', undefined, { success: true }],
    ['a result without a word of success', { text: 'done' }, { success: true }],
    ['success: true with its confidence', { success: true, confidence: 0.8 }, { success: true, confidence: 0.8 }],
    ['success: false with its confidence', { success: false, confidence: 0 }, { success: false, confidence: 0 }],
    ['a success that is no boolean', { success: 'no' }, { success: true }],
  ]
  it.each(outcomes)('by default: %s', async (_, result, expected) => {
    const { instrumentation, attempts } = collecting()
    instrumentation.trackAttempt(labels, () => result)
    await instrumentation.trackAttempt(labels, async () => result)
    expect(attempts).toMatchObject([expected, expected])
  })

  it.each([1.01, -0.1, Number.NaN, '0.5', 1n])('a confidence of %s is ignored by default', confidence => {
    const { instrumentation, attempts } = collecting()
    instrumentation.trackAttempt(labels, () => ({ success: true, confidence }))
    expect(attempts[0]).not.toHaveProperty('confidence')
    expect(instrumentation.problems().describe).toBe(0)
  })

  it('describe decides from the result, and the default rule applies to fields that it omits', async () => {
    const { instrumentation, attempts } = collecting()
    await instrumentation.trackAttempt(
      labels,
      async () => ({ success: false, confidence: 0.3, usage: { input: 100, output: 7 } }),
      ({ usage }) => ({
        error_type: 'tests_failed',
        input_tokens: usage.input,
        output_tokens: usage.output,
        cost_usd: 0.25,
      }),
    )
    expect(attempts).toMatchObject([
      {
        success: false,
        confidence: 0.3,
        error_type: 'tests_failed',
        input_tokens: 100,
        output_tokens: 7,
        cost_usd: 0.25,
      },
    ])
  })

  const failures: [what: string, error: unknown, error_type: string][] = [
    ['an aborted fetch', new DOMException('aborted', 'AbortError'), 'aborted'],
    ['a time-out', new DOMException('late', 'TimeoutError'), 'TimeoutError'],
    ['a system error', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    ['a class of its own', new (class QuotaError extends Error {})('over'), 'QuotaError'],
    ['a plain error', new Error('it broke at 12:34:56'), 'Error'],
    ['a text', 'it broke at 12:34:56', '_OTHER'],
    ['nothing', undefined, '_OTHER'],
    ['an error whose name is prose', Object.assign(new Error(), { name: 'Failed at 12:34!' }), '_OTHER'],
  ]
  it.each(failures)('the error type of %s is a short, stable word', async (_, error, error_type) => {
    const { instrumentation, attempts } = collecting()
    await instrumentation.trackAttempt(labels, () => Promise.reject(error)).catch(() => {})
    expect(attempts).toMatchObject([{ success: false, error_type }])
  })

  it('work that is aborted is a failed attempt of its own type', async () => {
    const { instrumentation, attempts } = collecting()
    const abort = new AbortController()
    const work = (): Promise<never> =>
      new Promise((_, reject) => abort.signal.addEventListener('abort', () => reject(abort.signal.reason)))
    const running = instrumentation.trackAttempt(labels, work)
    expect(attempts).toEqual([])
    abort.abort()
    await expect(running).rejects.toBe(abort.signal.reason)
    expect(attempts).toMatchObject([{ success: false, error_type: 'aborted' }])
  })
})

describe('a describe that breaks is no success', () => {
  const broken: [what: string, describe: () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('bug')
      },
    ],
    ['returns nothing', () => undefined],
    ['returns null', () => null],
    ['returns a text', () => 'fine'],
    ['is asynchronous and rejects', () => Promise.reject(new Error('late bug'))],
    ['is asynchronous and resolves with nothing', async () => undefined],
    ['says a success that is no boolean', () => ({ success: 'yes' })],
    [
      'says what cannot be read',
      () => ({
        get success(): boolean {
          throw new Error('unreadable')
        },
      }),
    ],
  ]
  it.each(broken)('one that %s: the attempt counts as failed, and the caller gets the result', async (_, describe) => {
    const { instrumentation, attempts } = collecting()
    const result = { success: true, confidence: 0.5 }
    const returned = instrumentation.trackAttempt(labels, async () => result, describe as never)
    expect(await returned).toBe(result)
    await expect.poll(() => attempts).toHaveLength(1)
    expect(attempts[0]).toMatchObject({ ...labels, success: false, error_type: 'describe_failed' })
    expect(instrumentation.problems().describe).toBe(1)
  })

  it.each(broken)('one that %s: the attempt is left out by option', async (_, describe) => {
    const { instrumentation, attempts } = collecting({ omit: ['describe_failed'] })
    await instrumentation.trackAttempt(labels, async () => 1, describe as never)
    instrumentation.trackAttempt(labels, () => 2)
    await expect.poll(() => instrumentation.problems().describe).toBe(1)
    expect(attempts).toMatchObject([{ success: true }])
  })

  const invalid: [what: string, describe: () => unknown][] = [
    ['confidence of NaN', () => ({ confidence: Number.NaN })],
    ['tokens as BigInt', () => ({ input_tokens: 12n })],
    ['an infinite cost', () => ({ cost_usd: Number.POSITIVE_INFINITY })],
    ['an error type that is no text', () => ({ error_type: { deep: 'thing' } })],
    ['a model that is no name', () => ({ model_name: '' })],
    ['what is not its to say', () => ({ agent_name: 'Somebody', time_seconds: 0 })],
  ]
  it.each(invalid)('but one that says %s judged the work: the value alone is left out', (_, describe) => {
    const { instrumentation, attempts } = collecting()
    instrumentation.trackAttempt(labels, () => ({ success: true }), describe as never)
    expect(attempts).toHaveLength(1)
    expect(attempts[0]).toMatchObject({ ...labels, success: true })
    expect(instrumentation.problems().describe).toBeGreaterThan(0)
  })

  it('is said once, and not for each attempt', () => {
    const said: Problem[] = []
    const { instrumentation } = collecting({ onProblem: problem => said.push(problem) })
    const judge = (): never => {
      throw new Error('bug in the judge')
    }
    for (let i = 0; i < 3; i++) instrumentation.trackAttempt(labels, () => i, judge)
    expect(said).toEqual([{ source: 'describe', message: 'bug in the judge' }])
    expect(instrumentation.problems().describe).toBe(3)
  })

  it('is one console.warn without onProblem, and a callback that throws does not affect the work', () => {
    const warned = vi.spyOn(console, 'warn').mockReturnValue()
    onTestFinished(() => warned.mockRestore())
    const { trackAttempt, configure } = createInstrumentation()
    const judge = (): never => {
      throw new Error('bug in the judge')
    }
    for (let i = 0; i < 3; i++) trackAttempt(labels, () => i, judge)
    expect(warned.mock.calls).toEqual([['agent-performance: describe: bug in the judge']])
    configure({
      onProblem: () => {
        throw new Error('bug in the callback')
      },
    })
    expect(trackAttempt(null as never, () => 'result')).toBe('result')
  })

  it('for any return value, one attempt is recorded that a sidecar accepts', async () => {
    const { instrumentation, attempts } = collecting()
    await fc.assert(
      fc.asyncProperty(fc.anything({ withBigInt: true, withNullPrototype: true }), async said => {
        const before = attempts.length
        await instrumentation.trackAttempt(labels, () => 'result', (() => said) as never)
        expect(attempts.length).toBe(before + 1)
        expect(attempts.at(-1)).toMatchObject({ ...labels, success: expect.any(Boolean) })
        expect(JSON.parse(JSON.stringify(attempts.at(-1)))).toEqual(attempts.at(-1))
      }),
    )
  })
})

describe('an asynchronous describe', () => {
  it('judges the result after the work, and its time is not in the attempt', async () => {
    const { instrumentation, attempts } = collecting()
    const judging = Promise.withResolvers<{ success: boolean }>()
    const result = await instrumentation.trackAttempt(
      labels,
      async () => 'answer',
      () => judging.promise,
    )
    const endedMs = Date.now()
    expect(result).toBe('answer')
    expect(attempts).toEqual([])
    await new Promise(resolve => setTimeout(resolve, 60))
    judging.resolve({ success: false })
    await expect.poll(() => attempts).toMatchObject([{ ...labels, success: false }])
    expect(attempts[0]?.time_seconds).toBeLessThan(0.05)
    expect(Date.parse(attempts[0]?.timestamp ?? '')).toBeLessThanOrEqual(endedMs)
  })

  it('is awaited by flush and close', async () => {
    const received: NewAttempt[] = []
    const { trackAttempt, deliverTo } = createInstrumentation()
    const delivery = deliverTo({
      recordAttempts: async attempts => {
        received.push(...attempts)
        return { accepted: attempts.length, duplicates: 0, rejected: [] }
      },
    })
    const judge = async (success: boolean): Promise<{ success: boolean }> => {
      await new Promise(resolve => setTimeout(resolve, 20))
      return { success }
    }
    await trackAttempt(
      labels,
      async () => 1,
      () => judge(true),
    )
    expect(await delivery.flush()).toBe(true)
    expect(received).toMatchObject([{ success: true }])
    await trackAttempt(
      labels,
      async () => 2,
      () => judge(false),
    )
    expect(await delivery.close()).toBe(true)
    expect(received).toMatchObject([{ success: true }, { success: false }])
  })

  it('that does not end is awaited no longer than the time-out', async () => {
    const { trackAttempt, deliverTo } = createInstrumentation()
    const delivery = deliverTo({ recordAttempts: async () => ({ accepted: 0, duplicates: 0, rejected: [] }) })
    trackAttempt(
      labels,
      () => 1,
      () => new Promise<never>(() => {}),
    )
    expect(await delivery.close(20)).toBe(false)
  })

  it('may name the model that answered', async () => {
    const spans = setSpans()
    const { instrumentation, attempts } = collecting()
    instrumentation.trackAttempt(
      labels,
      () => 1,
      () => ({ model_name: 'fallback-model' }),
    )
    await instrumentation.trackAttempt(
      labels,
      async () => 2,
      async () => ({ model_name: 'routed-model' }),
    )
    await expect.poll(() => attempts.map(attempt => attempt.model_name)).toEqual(['fallback-model', 'routed-model'])
    // The span tells the sidecar the same model, whichever of them arrives first.
    expect(spans.ended().map(({ attributes }) => attributes['gen_ai.request.model'])).toEqual([
      'fallback-model',
      'routed-model',
    ])
  })
})

describe('labels', () => {
  it('carry the experiment and its variant into the attempt', () => {
    const { instrumentation, attempts } = collecting()
    instrumentation.trackAttempt({ ...labels, experiment: 'prompt', variant: 'short' }, () => 1)
    expect(attempts).toMatchObject([{ ...labels, experiment: 'prompt', variant: 'short' }])
  })

  it.each([
    ['absent', {}],
    ['invalid', { variant: 'a\nb' }],
  ])(
    'an experiment whose variant is %s is left out, and is counted, so that a sidecar keeps the attempt',
    (_, variant) => {
      const { instrumentation, attempts } = collecting()
      instrumentation.trackAttempt({ ...labels, experiment: 'prompt', ...variant }, () => 1)
      expect(attempts).toMatchObject([labels])
      expect(attempts[0]).not.toHaveProperty('experiment')
      expect(attempts[0]).not.toHaveProperty('variant')
      expect(instrumentation.problems().labels).toBe(1)
    },
  )

  it.each([
    ['no text', { ...labels, model_name: 7 }],
    ['empty', { ...labels, model_name: '' }],
    ['absent', { agent_name: 'Fixer', issue_type: 'complexity' }],
    ['with control characters', { ...labels, model_name: 'a\nb' }],
  ])('a name that is %s counts as unknown, and is counted', (_, given) => {
    const { instrumentation, attempts } = collecting()
    expect(instrumentation.trackAttempt(given as never, () => 'result')).toBe('result')
    expect(attempts).toMatchObject([{ agent_name: 'Fixer', model_name: 'unknown', issue_type: 'complexity' }])
    expect(instrumentation.problems().labels).toBe(1)
  })

  it.each([undefined, null, 'Fixer', 3n])('labels that are %s do not affect the work', given => {
    const { instrumentation, attempts } = collecting()
    expect(instrumentation.trackAttempt(given as never, () => 'result')).toBe('result')
    expect(attempts).toMatchObject([{ agent_name: 'unknown', model_name: 'unknown', issue_type: 'unknown' }])
  })

  it('keep names such as __proto__', () => {
    const { instrumentation, attempts } = collecting()
    const odd = { agent_name: '__proto__', model_name: 'constructor', issue_type: 'a:b "c" \\ {d}' }
    instrumentation.trackAttempt(odd, () => 1)
    expect(attempts).toMatchObject([odd])
  })
})

describe('the attempt', () => {
  it('measures the time until the promise resolves or rejects, by a monotonic clock', async () => {
    const { instrumentation, attempts } = collecting()
    const started = performance.now()
    await instrumentation.trackAttempt(labels, () => new Promise(resolve => setTimeout(resolve, 30)))
    const measured = (performance.now() - started) / 1000
    expect(attempts[0]?.time_seconds).toBeGreaterThan(0.02)
    expect(attempts[0]?.time_seconds).toBeLessThanOrEqual(measured)
  })

  it('has a unique id and the time of its end', async () => {
    const { instrumentation, attempts } = collecting()
    instrumentation.trackAttempt(labels, () => 1)
    instrumentation.trackAttempt(labels, () => 1)
    expect(new Set(attempts.map(attempt => attempt.attempt_id)).size).toBe(2)
    expect(Math.abs(Date.parse(attempts[0]?.timestamp ?? '') - Date.now())).toBeLessThan(5_000)
  })

  it('is recorded if the rejection is not handled, and adds no unhandled rejection', async () => {
    const unhandled: unknown[] = []
    const listener = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', listener)
    const { instrumentation, attempts } = collecting()
    void instrumentation.trackAttempt(labels, () => Promise.reject(new Error('forgotten')))
    await new Promise(resolve => setTimeout(resolve, 20))
    process.off('unhandledRejection', listener)
    expect(unhandled).toEqual([])
    expect(attempts).toHaveLength(1)
  })
})

describe('instrumentAgent', () => {
  it('keeps this, the arguments, the name and the arity', () => {
    const { instrumentation, attempts } = collecting()
    const agent = {
      factor: 3,
      solve: instrumentation.instrumentAgent(function solve(this: { factor: number }, a: number, b: number): number {
        return this.factor * (a + b)
      }, labels),
    }
    expect(agent.solve(1, 2)).toBe(9)
    expect(agent.solve.name).toBe('solve')
    expect(agent.solve.length).toBe(2)
    expect(attempts).toMatchObject([{ ...labels, success: true }])
  })

  it('takes the labels from the arguments', async () => {
    const { instrumentation, attempts } = collecting()
    const solve = instrumentation.instrumentAgent(
      async (issue: { type: string }) => ({ success: issue.type !== 'hard' }),
      issue => ({ ...labels, issue_type: issue.type }),
    )
    await Promise.all([solve({ type: 'easy' }), solve({ type: 'hard' })])
    expect(attempts).toMatchObject([
      { issue_type: 'easy', success: true },
      { issue_type: 'hard', success: false },
    ])
  })

  it('does not affect the work if the labels cannot be computed', () => {
    const { instrumentation, attempts } = collecting()
    const solve = instrumentation.instrumentAgent(
      (text: string) => text.toUpperCase(),
      () => {
        throw new Error('no labels today')
      },
    )
    expect(solve('done')).toBe('DONE')
    expect(attempts).toMatchObject([{ agent_name: 'unknown', success: true }])
    expect(instrumentation.problems().labels).toBeGreaterThan(0)
  })

  it('describes each result', () => {
    const { instrumentation, attempts } = collecting()
    const solve = instrumentation.instrumentAgent(
      (score: number) => ({ score }),
      labels,
      ({ score }) => ({ success: score > 5, confidence: score / 10 }),
    )
    expect([solve(9), solve(1)]).toEqual([{ score: 9 }, { score: 1 }])
    expect(attempts).toMatchObject([
      { success: true, confidence: 0.9 },
      { success: false, confidence: 0.1 },
    ])
  })
})

function throwingContextManager(moment: string): ContextManager {
  const manager: ContextManager = {
    active: () => ROOT_CONTEXT,
    with: (_context, fn, thisArg, ...args) => {
      if (moment === 'after') fn.call(thisArg as never, ...args)
      throw new Error('broken context manager')
    },
    bind: (_context, target) => target,
    enable: () => manager,
    disable: () => manager,
  }
  return manager
}
