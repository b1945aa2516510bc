/** Every query of every dashboard. */
import { type Dashboard, dashboardFiles, panelsOf } from './dashboard-files.ts'

export interface Query {
  readonly dashboard: string
  readonly panel: number
  readonly title: string
  readonly expr: string
  readonly instant: boolean
}

/** Every query of the panels. */
export function panelQueries(): readonly Query[] {
  return dashboardFiles().flatMap(dashboard =>
    panelsOf(dashboard).flatMap(panel =>
      (panel.targets ?? []).map(({ expr, instant }) => ({
        dashboard: dashboard.uid,
        panel: panel.id,
        title: panel.title,
        expr,
        instant,
      })),
    ),
  )
}

/** A variable's query: the selector and the label whose values it lists. */
export interface VariableQuery {
  readonly dashboard: string
  readonly name: string
  readonly selector: string
  readonly label: string
}

/** Every variable with a Prometheus query. */
export function variableQueries(): readonly VariableQuery[] {
  return dashboardFiles().flatMap(dashboard =>
    dashboard.templating.list.flatMap(({ name, query }) => {
      if (typeof query === 'string') return []
      const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(query.query) ?? []
      if (selector === undefined || label === undefined)
        throw new Error(`${dashboard.uid}: ${name} asks ${query.query}`)
      return [{ dashboard: dashboard.uid, name, selector, label }]
    }),
  )
}

/** Every annotation. */
export function annotationQueries(): readonly Query[] {
  return dashboardFiles().flatMap((dashboard: Dashboard) =>
    dashboard.annotations.list.map(({ name, expr }) => ({
      dashboard: dashboard.uid,
      panel: 0,
      title: `annotation ${name}`,
      expr,
      instant: false,
    })),
  )
}
