/** The table of docs/statistics.md that comes from the simulations: printed by `npm run docs`, held equal by their test. */
import type { SimulationRow } from '../test/core/statistics/simulations.ts'

const FROM = '<!-- simulations: generated -->\n'
const TO = '\n<!-- /simulations -->'

/** One line of the table. */
export function simulationLine({ name, promise, measured }: SimulationRow): string {
  return `| ${[name, promise, measured].map(text => text.replaceAll('|', '\\|')).join(' | ')} |`
}

/** The lines of the table that stands in the text, its titles aside. Throws where it has no place. */
export function simulationLines(text: string): string[] {
  const { start, end } = placeIn(text)
  return text.slice(start, end).split('\n').slice(2)
}

/** The text with this table in it. Throws where it has no place. */
export function withSimulations(text: string, rows: readonly SimulationRow[]): string {
  const { start, end } = placeIn(text)
  const lines = ['| simulated | promised | measured |', '| --- | --- | --- |', ...rows.map(simulationLine)]
  return text.slice(0, start) + lines.join('\n') + text.slice(end)
}

function placeIn(text: string): { readonly start: number; readonly end: number } {
  const start = text.indexOf(FROM) + FROM.length
  const end = text.indexOf(TO)
  if (!text.includes(FROM) || end < start) throw new Error('there is no place for the simulations')
  return { start, end }
}
