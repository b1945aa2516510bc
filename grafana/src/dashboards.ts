/** Every dashboard, by the name of the file it is printed to. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { agent } from './agent.ts'
import { experiments } from './experiments.ts'
import { models } from './models.ts'
import { overview } from './overview.ts'
import { sidecar } from './sidecar.ts'

export function dashboards(): ReadonlyMap<string, Dashboard> {
  return new Map([
    ['overview.json', overview()],
    ['agent.json', agent()],
    ['models.json', models()],
    ['experiments.json', experiments()],
    ['sidecar.json', sidecar()],
  ])
}
