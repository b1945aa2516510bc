/** `npm run docs`: brings the generated parts of docs/ up to date. */
import { readFileSync, writeFileSync } from 'node:fs'
import { GENERATED_PARTS, withGeneratedPart } from './generated.ts'

for (const page of GENERATED_PARTS.keys()) {
  const file = new URL(`${page}.md`, import.meta.url)
  writeFileSync(file, withGeneratedPart(page, readFileSync(file, 'utf8')))
}
