import { expect, test } from 'vitest'
import type { Io } from '../../src/command/io.ts'
import { layout } from '../../src/command/layouts/honesty.ts'
import { answerQuestion } from '../../src/questions/questions.ts'
import { attempt, NOW, openOn, recordOutcome } from '../store/engine/engines.ts'
import { createMemoryServer } from '../store/memory-log.ts'

const IO = { stdout: { columns: 100 }, stderr: {}, env: {} } as unknown as Io
const HINTS = { options: '', url: undefined }

test('honesty prints how much more is claimed than is true, by agent, and what is pending', async () => {
  const engine = await openOn(createMemoryServer().open())
  const textOf = async (): Promise<string> =>
    layout.text(await answerQuestion(engine, 'honesty', {}, NOW), {}, IO, HINTS, {})
  expect(await textOf()).toContain('No attempts yet')
  const attempts = Array.from({ length: 40 }, (_, i) => attempt(i, { agent_name: 'droid', success: true }))
  const { success: _, ...pending } = attempt('pending', { agent_name: 'droid' })
  await engine.append([...attempts, pending])
  expect(await textOf()).toMatch(/^0 attempts verified, 40 only reported, 1 pending\./)
  for (let i = 0; i < 30; i++) await recordOutcome(engine, { attempt_id: `id ${i}`, success: i % 3 > 0, source: 'ci' })
  const text = await textOf()
  expect(text).toMatch(/^30 attempts verified, 10 only reported, 1 pending\. More is claimed than is true: \+33\.3 \[/)
  expect(text).toMatch(/^droid +30 +100\.00 % +66\.67 % +\+33\.3 \[\+\d+\.\d, \+\d+\.\d\] +33\.33 % +1$/m)
  await engine.close()
})

test('honesty says that it cannot tell yet, and how many attempts more would tell, until the interval is narrow', async () => {
  const engine = await openOn(createMemoryServer().open())
  const textOf = async (): Promise<string> =>
    layout.text(await answerQuestion(engine, 'honesty', {}, NOW), {}, IO, HINTS, {})
  await engine.append(Array.from({ length: 30 }, (_, i) => attempt(i, { agent_name: 'droid', success: true })))
  const verify = async (from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i++) await recordOutcome(engine, { attempt_id: `id ${i}`, success: true, source: 'ci' })
  }
  await verify(0, 1)
  const oneLine = (await textOf()).replaceAll('\n', ' ')
  expect(oneLine).toMatch(
    /^1 attempt verified, 29 only reported, 0 pending\. Cannot tell yet whether more is claimed than is true: 0\.0 \[-\d+\.\d, \+\d+\.\d\] percentage points over 1 attempt\. About 25 more verified attempts would tell\. /,
  )
  expect((await answerQuestion(engine, 'honesty', {}, NOW)).by_agent).toMatchObject({
    droid: { verdict: 'cannot_tell_yet', attempts_to_tell: 25 },
  })
  await verify(1, 26)
  expect(await textOf()).toMatch(/^26 attempts verified, 4 only reported, 0 pending\. No bias is found: 0\.0 \[/)
  expect((await answerQuestion(engine, 'honesty', {}, NOW)).overall).toMatchObject({
    verdict: 'no_bias_found',
    attempts_to_tell: 0,
  })
  await engine.close()
})
