import { expect, test } from 'vitest'
import type { Io } from '../../src/command/io.ts'
import { layout } from '../../src/command/layouts/calibration.ts'
import { answerQuestion } from '../../src/questions/questions.ts'
import { attempt, NOW, openOn } from '../store/engine/engines.ts'
import { createMemoryServer } from '../store/memory-log.ts'

const IO = { stdout: { columns: 100 }, stderr: {}, env: {} } as unknown as Io

test.each([
  ['29 tasks', 29, (i: number) => `task ${i}`, 'cannot tell yet'],
  ['30 tasks', 30, (i: number) => `task ${i}`, 'believable'],
  ['40 runs of 4 tasks, which all have the same result', 40, (i: number) => `task ${i % 4}`, 'cannot tell yet'],
])('calibration says of %s without a fault what they allow', async (_, count, taskOf, verdict) => {
  const engine = await openOn(createMemoryServer().open())
  const attempts = Array.from({ length: count }, (_, i) =>
    attempt(i, { agent_name: 'droid', task_id: taskOf(i), confidence: 0.5, success: i % 2 === 0 }),
  )
  await engine.append(attempts)
  const answer = await answerQuestion(engine, 'calibration', {}, NOW)
  expect(layout.text(answer, {}, IO, { options: '', url: undefined }, {})).toMatch(
    new RegExp(`^droid +${count} .* ${verdict}[ *]*$`, 'm'),
  )
  await engine.close()
})
