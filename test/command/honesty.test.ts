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
