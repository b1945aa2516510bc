import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { alertsAndPanels } from '../../docs/alerts-and-panels.ts'

it('docs/alerts-and-panels.md names every alert and panel there is, and the question it answers', () => {
  const committed = readFileSync(new URL('../../docs/alerts-and-panels.md', import.meta.url), 'utf8')
  expect(committed).toBe(alertsAndPanels())
})
