/** Reads the summaries of a snapshot, each with its tasks and outcomes. Converts those of another schema. */
import { createSummary, type Outcomes, SUMMARY_WIDTH, type Summary } from '../../core/aggregate/summary.ts'
import type { TaskSketch } from '../../core/aggregate/task-sketch.ts'
import type { BlockReader } from './block.ts'
import { takeOutcomes } from './outcome-column.ts'
import { createRowConverter, OWN_SCHEMA, type SchemaChange, type SummarySchema, widthOf } from './schema.ts'
import { takeTasks } from './task-column.ts'

/** The tasks and outcomes of the summaries of a block. */
interface Besides {
  readonly tasks: readonly (TaskSketch | undefined)[]
  readonly outcomes: readonly (Outcomes | undefined)[]
}

/** Reads the summaries of a block. */
export interface RowReader {
  /** What is beside the next `count` summaries. It precedes the rows. */
  beside(block: BlockReader, count: number): Besides
  /** Reads the row number `i` of the block into an empty summary. */
  row(block: BlockReader, into: Summary, beside: Besides, i: number): void
}

/** A reader of the rows of a snapshot with this schema. Throws if their tasks have another layout. */
export function createRowReader(schema: SummarySchema, change: SchemaChange | undefined): RowReader {
  if (schema.tasks !== undefined && schema.tasks !== OWN_SCHEMA.tasks)
    throw new RangeError('its tasks have another layout')
  const { outcomes } = schema
  const layout = outcomes && { width: outcomes[0], isOwn: outcomes[1] === OWN_SCHEMA.outcomes?.[1] }
  const readNumbers = createNumberReader(schema, change)
  function readRow(block: BlockReader, into: Summary, tasks: TaskSketch | undefined): void {
    readNumbers(block, into)
    // Adds no property to a summary without tasks, because it would take memory.
    if (tasks !== undefined || into.tasks !== undefined) into.tasks = tasks
  }
  return {
    beside: (block, count) => ({
      tasks: schema.tasks === undefined ? [] : takeTasks(block, count),
      outcomes: layout === undefined ? [] : takeOutcomes(block, count, layout, readRow),
    }),
    row(block, into, { tasks, outcomes }, i) {
      readRow(block, into, tasks[i])
      if (outcomes[i] !== undefined || into.outcomes !== undefined) setOutcomes(into, outcomes[i])
    },
  }
}

/** Behind the tasks, as `outcomesOf` does. */
function setOutcomes(summary: Summary, outcomes: Outcomes | undefined): void {
  if (summary.tasks === undefined) summary.tasks = undefined
  summary.outcomes = outcomes
}

function createNumberReader(
  schema: SummarySchema,
  change: SchemaChange | undefined,
): (block: BlockReader, into: Summary) => void {
  if (change === undefined) return (block, into) => block.row(SUMMARY_WIDTH, into)
  const convert = createRowConverter(schema, change)
  const saved = new Float64Array(widthOf(schema))
  return (block, into) => {
    block.row(saved.length, saved)
    convert(saved, createSummary(into))
  }
}
