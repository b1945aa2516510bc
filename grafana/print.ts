/** Writes dashboards/*.json: `node grafana/print.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dashboards } from './src/dashboards.ts'

const FOLDER = new URL('dashboards/', import.meta.url)

/** The text of a dashboard's file. */
export function printed(dashboard: unknown): string {
  return `${JSON.stringify(dashboard, null, 2)}\n`
}

if (import.meta.main) {
  mkdirSync(FOLDER, { recursive: true })
  for (const [name, dashboard] of dashboards()) writeFileSync(new URL(name, FOLDER), printed(dashboard))
}
