import { expect, it } from 'vitest'
import { collecting } from './collecting.ts'

const labels = { agent_name: 'Fixer', model_name: 'gpt', issue_type: 'bug' }
const later = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

it('activeAttempt is the attempt whose work calls it, also later in that work, and none outside', async () => {
  const { instrumentation, attempts } = collecting()
  const { activeAttempt, startAttempt, trackAttempt } = instrumentation
  expect(activeAttempt()).toBeUndefined()
  const agentOf = async (agent_name: string): Promise<(string | undefined)[]> => {
    const seen = [activeAttempt()?.agent_name]
    await later()
    return [...seen, activeAttempt()?.agent_name, agent_name]
  }
  const [one, other] = await Promise.all(
    ['One', 'Other'].map(agent_name => trackAttempt({ ...labels, agent_name }, () => agentOf(agent_name))),
  )
  expect([one, other]).toEqual([
    ['One', 'One', 'One'],
    ['Other', 'Other', 'Other'],
  ])
  expect(activeAttempt()).toBeUndefined()
  const attempt = startAttempt(labels)
  expect(activeAttempt()).toBeUndefined()
  expect(attempt.run(() => activeAttempt()?.attempt_id)).toBe(attempt.attempt_id)
  expect(attempts).toHaveLength(2)
})

it('activeAttempt within another attempt is the inner one, and then the outer one again', () => {
  const { trackAttempt, activeAttempt } = collecting().instrumentation
  activeAttempt()
  const agents = trackAttempt(labels, () => [
    trackAttempt({ ...labels, agent_name: 'Helper' }, () => activeAttempt()?.agent_name),
    activeAttempt()?.agent_name,
  ])
  expect(agents).toEqual(['Helper', 'Fixer'])
})

it('what the work sets on its attempt is recorded, and describe overrides it', async () => {
  const { instrumentation, attempts } = collecting()
  const { activeAttempt, trackAttempt } = instrumentation
  activeAttempt()
  const work = async (): Promise<void> => {
    await later()
    activeAttempt()?.set({ model_name: 'answered', input_tokens: 5, output_tokens: 6 })
  }
  await trackAttempt(labels, work, () => ({ output_tokens: 7 }))
  const failing = async (): Promise<void> => {
    await work()
    throw new RangeError('no')
  }
  await expect(trackAttempt(labels, failing)).rejects.toThrow(RangeError)
  expect(attempts).toMatchObject([
    { model_name: 'answered', input_tokens: 5, output_tokens: 7, success: true },
    { model_name: 'answered', input_tokens: 5, output_tokens: 6, success: false, error_type: 'RangeError' },
  ])
})
