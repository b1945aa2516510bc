/** `npm run docs`: runs the simulations, about 15 s, and brings their table in docs/statistics.md up to date. */
import { readFileSync, writeFileSync } from 'node:fs'
import { simulationRows } from '../test/core/statistics/simulations.ts'
import { withSimulations } from './simulations.ts'

const page = new URL('statistics.md', import.meta.url)
writeFileSync(page, withSimulations(readFileSync(page, 'utf8'), await simulationRows()))
