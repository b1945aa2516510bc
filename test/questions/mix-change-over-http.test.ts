import { expect, test } from 'vitest'
import { anAttempt, testSidecar } from '../support/sidecar.ts'

const HOUR_MS = 3_600_000

test('trends over several agents warn that the mix of agents changed, and not for one agent or the same mix', async () => {
  await using sidecar = await testSidecar()
  const now = Date.now()
  const attempts = (issue_type: string, agents: readonly string[], hoursAgo: number): object[] =>
    agents.flatMap(agent_name =>
      Array.from({ length: 20 }, (_, i) =>
        anAttempt({
          agent_name,
          issue_type,
          success: i % 2 === 0,
          timestamp: new Date(now - hoursAgo * HOUR_MS).toISOString(),
        }),
      ),
    )
  await sidecar.post([
    ...attempts('changed', ['A', 'A'], 10),
    ...attempts('changed', ['A', 'B'], 2),
    ...attempts('same', ['A', 'B'], 10),
    ...attempts('same', ['A', 'B'], 2),
  ])
  const verdict = async (query: string): Promise<string> =>
    ((await (await sidecar.get(`/api/v1/trends?interval=1h&${query}`)).json()) as { verdict: string }).verdict
  expect(await verdict('issue_type=changed')).toContain(
    'The mix of agents changed: A made 100 % of the earlier and 50 % of the later attempts.',
  )
  expect(await verdict('issue_type=changed&since=12h')).toContain('The mix of agents changed')
  expect(await verdict('issue_type=changed&agent_name=A')).not.toContain('mix of agents')
  expect(await verdict('issue_type=same')).not.toContain('mix of agents')
})
