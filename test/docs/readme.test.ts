import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { withGeneratedParts } from '../../docs/generated.ts'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

test('the settings and metrics that the README lists are those there are (npm run docs brings them up to date)', () => {
  expect(readme).toBe(withGeneratedParts(readme))
})

test('every file and folder the README points to is there', () => {
  const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path!)
  expect(links.length).toBeGreaterThan(0)
  for (const path of links)
    expect(() => readFileSync(new URL(`../../${path}`, import.meta.url)), path).not.toThrow(/ENOENT/)
})
