/** The outcomes of summaries in a block: which parts each summary has, then the counts and the views of those that have some. */
import { createOutcomeCounts, OUTCOME_WIDTH } from '../../core/aggregate/outcome-counts.ts'
import { createSummary, type Outcomes, SUMMARY_WIDTH, type Summary } from '../../core/aggregate/summary.ts'
import type { TaskSketch } from '../../core/aggregate/task-sketch.ts'
import { type BlockReader, type BlockWriter, roomOf } from './block.ts'
import { sparseRoom } from './sparse-row.ts'
import { putTasks, roomOfTasks, takeTasks } from './task-column.ts'

/** An object with a summary: a key, an arm or a bucket. */
interface Summarized {
  readonly summary: Summary
}

/** The parts of a summary. */
const [COUNTS, VERIFIED, REPORTED] = [1, 2, 4]
const WORD_BYTES = 4

/** Reads a row and its tasks into an empty summary. */
export type ReadRow = (block: BlockReader, into: Summary, tasks: TaskSketch | undefined) => void

const withOutcomes = (owners: readonly Summarized[]): readonly Outcomes[] =>
  owners.flatMap(({ summary }) => summary.outcomes ?? [])

/** Verified and reported summaries, in the order in which they are written. */
const viewsOf = (all: readonly Outcomes[]): readonly Summarized[] =>
  all.flatMap(({ verified, reported }) =>
    [verified, reported].flatMap(summary => (summary === undefined ? [] : { summary })),
  )

/** The maximum number of doubles that {@link putOutcomes} writes. */
export function roomOfOutcomes(owners: readonly Summarized[]): number {
  const all = withOutcomes(owners)
  const views = viewsOf(all)
  return (
    roomOf(owners.length * WORD_BYTES) +
    all.length * sparseRoom(OUTCOME_WIDTH) +
    roomOfTasks(views) +
    views.length * sparseRoom(SUMMARY_WIDTH)
  )
}

/** Writes the outcomes of summaries, which may have none. */
export function putOutcomes(block: BlockWriter, owners: readonly Summarized[]): void {
  block.put(Uint32Array.from(owners, ({ summary }) => partsOf(summary.outcomes)))
  const all = withOutcomes(owners)
  for (const { counts } of all) block.row(counts)
  const views = viewsOf(all)
  putTasks(block, views)
  for (const { summary } of views) block.row(summary)
}

function partsOf(outcomes: Outcomes | undefined): number {
  if (outcomes === undefined) return 0
  const { verified, reported } = outcomes
  return COUNTS + (verified === undefined ? 0 : VERIFIED) + (reported === undefined ? 0 : REPORTED)
}

/** Reads the outcomes of `count` summaries. `width` is that of the counts; those of another layout than this program's are dropped. */
export function takeOutcomes(
  block: BlockReader,
  count: number,
  { width, isOwn }: { readonly width: number; readonly isOwn: boolean },
  readRow: ReadRow,
): (Outcomes | undefined)[] {
  const parts = block.words(count)
  const all = Array.from(parts, (part): Outcomes | undefined => {
    if (part === 0) return undefined
    const counts = createOutcomeCounts()
    block.row(width, isOwn ? counts : new Float64Array(width))
    return { counts, verified: undefined, reported: undefined }
  })
  const views = all.flatMap((outcomes, i) => (outcomes === undefined ? [] : missingViews(outcomes, parts[i]!)))
  const tasks = takeTasks(block, views.length)
  for (const [i, set] of views.entries()) {
    const summary = createSummary()
    readRow(block, summary, tasks[i])
    set(summary)
  }
  return all
}

/** Functions that set the views of a summary, in the order in which they were written. */
function missingViews(outcomes: Outcomes, parts: number): ((view: Summary) => void)[] {
  const views: ((view: Summary) => void)[] = []
  if ((parts & VERIFIED) !== 0)
    views.push(view => {
      outcomes.verified = view
    })
  if ((parts & REPORTED) !== 0)
    views.push(view => {
      outcomes.reported = view
    })
  return views
}
