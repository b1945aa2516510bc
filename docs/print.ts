/** `npm run docs`: brings the generated parts of the README up to date. */
import { readFileSync, writeFileSync } from 'node:fs'
import { withGeneratedParts } from './generated.ts'

const readme = new URL('../README.md', import.meta.url)
writeFileSync(readme, withGeneratedParts(readFileSync(readme, 'utf8')))
