/** Panel builders. They set everything that Grafana's defaults would show in a misleading way. */
import { PanelBuilder as BarChart } from '@grafana/grafana-foundation-sdk/barchart'
import {
  AxisPlacement,
  GraphDrawStyle,
  HeatmapCellLayout,
  LegendDisplayMode,
  LegendPlacement,
  ScaleDistribution,
  ScaleDistributionConfigBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  type DataTransformerConfig,
  type DynamicConfigValue,
  FieldColorModeId,
  type FieldConfigSource,
  type Panel,
  type Threshold,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import {
  PanelBuilder as Heatmap,
  RowsHeatmapOptionsBuilder,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap'
import { DataqueryBuilder, PromQueryFormat, QueryEditorMode } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries'

/** The data source that the user selected. */
export const DATA_SOURCE = { type: 'prometheus', uid: '$datasource' } as const

/** The settings that every panel has. */
export interface Frame {
  /** Never changes: links and alerts refer to it. */
  readonly id: number
  readonly title: string
  /** The question that the panel answers, and how to read it. */
  readonly description: string
  /** Of 24 columns. */
  readonly width: number
  readonly height: number
  readonly unit: string
  /** The text shown without data. */
  readonly noValue: string
  readonly min?: number
  readonly max?: number
  /** Only if the colour asks for an action. */
  readonly thresholds?: readonly Threshold[]
  readonly mappings?: readonly ValueMapping[]
  /** The minimum step, and so the minimum span of one point. */
  readonly interval?: string
}

export interface Line {
  readonly expr: string
  readonly legend: string
  /** For bounds and limits. */
  readonly dashed?: boolean
}

/** A column of a table: a label, or an expression and its unit. */
export interface Column {
  readonly name: string
  readonly label?: string
  readonly expr?: string
  readonly unit?: string
  readonly properties?: readonly DynamicConfigValue[]
}

/** One number for the selected time range. */
export function stat(
  frame: Frame & { readonly expr: string; readonly legend?: string; readonly text?: 'name' },
): Panel {
  const panel = new Stat()
    .withTarget(
      query(frame.expr, 'A')
        .instant()
        .legendFormat(frame.legend ?? ''),
    )
    .build()
  Object.assign(panel.options, {
    graphMode: 'none',
    colorMode: frame.thresholds ? 'background' : 'none',
    reduceOptions: { calcs: ['lastNotNull'] },
  })
  if (frame.text !== undefined) Object.assign(panel.options, { textMode: frame.text })
  return framed(panel, frame)
}

/** Lines over time with open gaps; `stack` draws stacked bars. */
export function lines(
  frame: Frame & {
    readonly lines: readonly Line[]
    readonly stack?: boolean
    readonly logarithmic?: boolean
    readonly overrides?: Overrides
  },
): Panel {
  const builder = new TimeSeries()
    .targets(frame.lines.map(({ expr, legend }, i) => query(expr, refId(i)).range().legendFormat(legend)))
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .calcs([]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .drawStyle(frame.stack ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .fillOpacity(frame.stack ? 80 : 0)
    .showPoints(VisibilityMode.Auto)
  if (frame.stack) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
  if (frame.logarithmic)
    builder.scaleDistribution(new ScaleDistributionConfigBuilder().type(ScaleDistribution.Log).log(10))
  else builder.axisSoftMin(0)
  return framed(builder.build(), frame, [...overridesOf(frame.overrides ?? {}), ...dashes(frame.lines)])
}

/** Matches by query, because a legend is known only when there is data. */
function dashes(all: readonly Line[]): FieldConfigSource['overrides'] {
  return all.flatMap(({ dashed }, i) =>
    dashed ? [{ matcher: { id: 'byFrameRefID', options: refId(i) }, properties: [...DASHED] }] : [],
  )
}

const DASHED: readonly DynamicConfigValue[] = [
  { id: 'custom.lineStyle', value: { fill: 'dash', dash: [6, 6] } },
  { id: 'custom.lineWidth', value: 1 },
  { id: 'custom.showPoints', value: VisibilityMode.Never },
]

/** The distribution of durations over time. */
export function heatmap(frame: Frame & { readonly expr: string }): Panel {
  const panel = new Heatmap()
    .withTarget(query(frame.expr, 'A').range().format(PromQueryFormat.Heatmap).legendFormat('{{le}}'))
    .calculate(false)
    .rowsFrame(new RowsHeatmapOptionsBuilder().layout(HeatmapCellLayout.Auto))
    .yAxis(new YAxisConfigBuilder().unit(frame.unit).axisPlacement(AxisPlacement.Left))
    .showLegend()
    .build()
  return framed(panel, frame)
}

/** One row per combination of the label columns; the other columns hold numbers. */
export function table(
  frame: Frame & { readonly columns: readonly Column[]; readonly sort: string; readonly ascending?: boolean },
): Panel {
  const panel = new Table().targets(tableQueries(frame.columns)).build()
  panel.transformations = [...merged(frame.columns)]
  Object.assign(panel.options, { sortBy: [{ displayName: frame.sort, desc: frame.ascending !== true }] })
  const overrides = Object.fromEntries(
    frame.columns.map(({ name, unit, properties = [] }) => [
      name,
      [...(unit === undefined ? [] : [{ id: 'unit', value: unit }]), ...properties],
    ]),
  )
  return framed(panel, frame, overridesOf(overrides))
}

/** Bars side by side or stacked, one group per value of the first column. */
export function bars(frame: Frame & { readonly columns: readonly Column[]; readonly stack?: boolean }): Panel {
  const [first] = frame.columns
  const panel = new BarChart()
    .targets(tableQueries(frame.columns))
    .xField(first!.name)
    .stacking(frame.stack ? StackingMode.Normal : StackingMode.None)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .calcs([]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.None))
    .axisSoftMin(0)
    .build()
  panel.transformations = [...merged(frame.columns), { id: 'sortBy', options: { sort: [{ field: first!.name }] } }]
  return framed(panel, frame)
}

/** A matrix: one row per value of one label, one column per value of another. */
export function matrix(
  frame: Frame & { readonly expr: string; readonly rows: string; readonly columns: string },
): Panel {
  const panel = new Table().withTarget(query(frame.expr, 'A').instant().format(PromQueryFormat.Table)).build()
  panel.transformations = [
    {
      id: 'groupingToMatrix',
      options: { rowField: frame.rows, columnField: frame.columns, valueField: 'Value', emptyValue: 'null' },
    },
  ]
  return framed(panel, frame)
}

type Overrides = Readonly<Record<string, readonly DynamicConfigValue[]>>

function framed(panel: Panel, frame: Frame, overrides: FieldConfigSource['overrides'] = []): Panel {
  const { id, title, description, width: w, height: h, interval } = frame
  Object.assign(panel, { id, title, description, datasource: DATA_SOURCE, gridPos: { x: 0, y: 0, w, h } })
  if (interval !== undefined) panel.interval = interval
  const { unit, noValue, min, max, thresholds, mappings } = frame
  const defaults = {
    ...panel.fieldConfig?.defaults,
    unit,
    noValue,
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(mappings !== undefined && { mappings: [...mappings] }),
    // Without explicit steps, Grafana colours a panel red from 80 on.
    thresholds: { mode: ThresholdsMode.Absolute, steps: [...(thresholds ?? [{ value: null, color: 'text' }])] },
    color: { mode: thresholds ? FieldColorModeId.Thresholds : FieldColorModeId.PaletteClassicByName },
  }
  return { ...panel, fieldConfig: { defaults, overrides } }
}

function query(expr: string, ref: string): DataqueryBuilder {
  return new DataqueryBuilder().expr(expr).refId(ref).datasource(DATA_SOURCE).editorMode(QueryEditorMode.Code)
}

const refId = (i: number): string => String.fromCharCode(65 + i)

function tableQueries(columns: readonly Column[]): DataqueryBuilder[] {
  return columns.flatMap(({ expr }, i) =>
    expr === undefined ? [] : [query(expr, refId(i)).instant().format(PromQueryFormat.Table)],
  )
}

/** Joins the tables of all queries, with the order and names of the columns. */
function merged(columns: readonly Column[]): readonly DataTransformerConfig[] {
  const alone = columns.filter(column => column.expr !== undefined).length === 1
  const fields = columns.map(({ label, name }, i) => ({
    field: label ?? (alone ? 'Value' : `Value #${refId(i)}`),
    name,
  }))
  const organize = {
    excludeByName: { Time: true },
    indexByName: Object.fromEntries(fields.map(({ field }, i) => [field, i])),
    renameByName: Object.fromEntries(fields.map(({ field, name }) => [field, name])),
  }
  return [
    { id: 'merge', options: {} },
    { id: 'organize', options: organize },
  ]
}

function overridesOf(overrides: Overrides): FieldConfigSource['overrides'] {
  return Object.entries(overrides)
    .filter(([, properties]) => properties.length > 0)
    .map(([name, properties]) => ({ matcher: { id: 'byName', options: name }, properties: [...properties] }))
}
