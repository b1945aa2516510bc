/** docs/terminal-bench.md is what the attempts of Terminal-Bench give today. Skipped with a message where they are not on the machine. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { publishedAttempts, terminalBenchPage } from '../../docs/terminal-bench.ts'

test('docs/terminal-bench.md says what questions about real attempts answer (npm run docs brings it up to date)', async ({
  skip,
}) => {
  const attempts = await publishedAttempts()
  if (attempts === undefined) return skip('shared/data/terminal-bench-attempts.ndjson is not beside the project')
  const page = readFileSync(new URL('../../docs/terminal-bench.md', import.meta.url), 'utf8')
  expect(await terminalBenchPage(attempts)).toBe(page)
})
