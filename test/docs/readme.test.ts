import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { GENERATED_PARTS, withGeneratedPart } from '../../docs/generated.ts'

const ROOT = new URL('../../', import.meta.url)
const textOf = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8')

test.each([...GENERATED_PARTS.keys()])(
  'docs/%s.md lists what the code has (npm run docs brings it up to date)',
  page => {
    const text = textOf(`docs/${page}.md`)
    expect(text).toBe(withGeneratedPart(page, text))
  },
)

const guides = readdirSync(new URL('docs', ROOT)).filter(name => name.endsWith('.md'))
const pages = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'clients/python/README.md',
  ...guides.map(name => `docs/${name}`),
  ...readdirSync(new URL('docs/runbooks', ROOT)).map(name => `docs/runbooks/${name}`),
]

test.each(pages)('every file and heading that %s links to exists', page => {
  const links = [...textOf(page).matchAll(/\]\((?!https?:)([^)\s]*)\)/g)].map(([, link]) => link!)
  for (const link of links) {
    const [path, anchor] = link.split('#') as [string, string?]
    const target = path === '' ? new URL(page, ROOT) : new URL(path, new URL(page, ROOT))
    expect(() => readFileSync(target), link).not.toThrow(/ENOENT/)
    if (anchor !== undefined) expect(anchorsOf(readFileSync(target, 'utf8')), link).toContain(anchor)
  }
})

/** As GitHub names the headings of a page: lower case, spaces as dashes, other characters dropped. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test('the README is a landing page of at most 200 lines, and links to every guide', () => {
  const readme = textOf('README.md')
  expect(readme.split('\n').length).toBeLessThanOrEqual(200)
  for (const name of guides) expect(readme).toContain(`](docs/${name})`)
})
