import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { alertsAndPanels } from '../../docs/alerts-and-panels.ts'

it('docs/alerts-and-panels.md lists every alert and panel with its question', () => {
  const committed = readFileSync(new URL('../../docs/alerts-and-panels.md', import.meta.url), 'utf8')
  expect(committed).toBe(alertsAndPanels())
})
