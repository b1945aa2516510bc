/** The parts of every dashboard around its panels: variables, links, annotations. */
import {
  type AnnotationQuery,
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  type DashboardLink,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DATA_SOURCE } from './panel.ts'

/** Every dashboard has this tag; the links between dashboards select by it. */
const TAG = 'agent-performance'

/** Panels under a heading. `id` never changes, like a panel's. */
export interface Row {
  readonly id: number
  readonly title: string
  readonly panels: readonly Panel[]
}

export interface Sheet {
  readonly uid: string
  readonly title: string
  readonly description: string
  /** The time range when it is opened, such as `24h`. */
  readonly past: string
  readonly variables: readonly QueryVariableBuilder[]
  readonly rows: readonly Row[]
}

/** A classic dashboard, the format that Grafana 10 to 13 load from files. */
export function dashboardOf({ uid, title, description, past, variables, rows }: Sheet): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .timezone('browser')
    .time({ from: `now-${past}`, to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
  for (const variable of variables) builder.withVariable(variable)
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title).id(row.id))
    for (const panel of row.panels) builder.withPanel({ build: () => panel })
  }
  const dashboard = builder.build()
  dashboard.links = [LINKS]
  dashboard.annotations = { list: [RESTARTS, ALERTS].map(annotation) }
  return dashboard
}

/** Links every dashboard to every other and keeps filters and time. */
const LINKS: DashboardLink = visible(
  new DashboardLinkBuilder('Agents')
    .type(DashboardLinkType.Dashboards)
    .tags([TAG])
    .asDropdown(true)
    .includeVars(true)
    .keepTime(true)
    .build(),
)

/** Removes `placement`: the builders set it to hide the link or annotation in a menu. */
function visible<T extends { placement?: unknown }>({ placement: _, ...shown }: T): Omit<T, 'placement'> {
  return shown
}

interface Variable {
  readonly name: string
  readonly label: string
  readonly metric: string
}

/** A filter by any number of label values, "All" by default. "All" matches `.+`, so that the query does not list every name. */
export function many(variable: Variable): QueryVariableBuilder {
  return one(variable)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ selected: true, text: ['All'], value: ['$__all'] })
}

/** A filter by exactly one label value. */
export function one({ name, label, metric }: Variable): QueryVariableBuilder {
  const query = `label_values(${metric}, ${name})`
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATA_SOURCE)
    .query({ query, refId: name, qryType: 1 })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc)
}

/** The filters of dashboards about attempts. */
export function attemptFilters(agent: typeof one): readonly QueryVariableBuilder[] {
  const metric = 'agent_attempts_total{job=~"$job"}'
  return [
    many({ name: 'job', label: 'Job', metric: 'agent_attempts_total' }),
    agent({ name: 'agent_name', label: 'Agent', metric }),
    many({ name: 'model_name', label: 'Model', metric }),
    many({ name: 'issue_type', label: 'Issue type', metric }),
  ]
}

const RESTARTS = {
  name: 'Restarts',
  color: 'blue',
  expr: 'agent_performance_start_time_seconds{job=~"$job"} * 1000',
  title: 'The sidecar started',
  text: '{{instance}}',
  valueIsTime: true,
} as const

const ALERTS = {
  name: 'Alerts',
  color: 'red',
  expr: 'ALERTS{alertstate="firing", job=~"$job"}',
  title: '{{alertname}}',
  text: '{{severity}} {{agent_name}} {{model_name}} {{issue_type}} {{experiment}} {{variant}} {{instance}}',
  valueIsTime: false,
} as const

function annotation({ name, color, expr, title, text, valueIsTime }: typeof RESTARTS | typeof ALERTS): AnnotationQuery {
  const builder = new AnnotationQueryBuilder()
    .name(name)
    .datasource(DATA_SOURCE)
    .enable(true)
    .iconColor(color)
    .expr(expr)
    .titleFormat(title)
    .textFormat(text)
    .useValueForTime(valueIsTime)
  return visible(builder.build())
}
