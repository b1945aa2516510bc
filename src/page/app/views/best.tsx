/** Who is best: every agent and model, and whether that can be told yet. Longer than 250 lines because the rows of its one table need all of it. */
import { useRef, useState } from 'preact/hooks'
import type { LeaderboardGroup, LeaderboardRow } from '../../../core/reports/leaderboard.ts'
import { useAnswer } from '../data/answers.ts'
import type { Given, Query } from '../data/api.ts'
import { RATE_NAMES, rateValues } from '../data/csv.ts'
import { count, duration, interval, money, NONE, plural, points, rate, share } from '../data/format.ts'
import { Badge, Candidate, EvidenceLabel, Notice } from '../parts/basics.tsx'
import { Card, type Csv, Loaded } from '../parts/card.tsx'
import { Explain } from '../parts/explain.tsx'
import { filterQuery } from '../parts/filters.tsx'
import { Heading } from '../parts/heading.tsx'
import { useHold } from '../parts/hold.ts'
import { Judged } from '../parts/judged.tsx'
import { PendingVerdict, Verdict } from '../parts/verdict.tsx'
import { Whisker, WhiskerAxis, WhiskerKey } from '../plots/whisker.tsx'

type Board = Given<'leaderboard'>

export function BestView() {
  const query = filterQuery()
  const answer = useAnswer('leaderboard', query)
  const board = answer.data
  return (
    <main aria-busy={answer.isBusy}>
      <Heading title="Who is best" filters={['issue_type', 'since']} all={{ issue_type: 'All, same mix' }}>
        Success rates with 95% intervals. Inside a group the order says little.
      </Heading>
      <BestVerdict board={board} error={answer.error?.message} />
      <Card
        class="board-card"
        legend={<WhiskerKey />}
        source={{ path: 'leaderboard', query }}
        csv={board && boardCsv(board)}
        footer={
          board &&
          'Attempts that state the same task_id are counted as one cluster. All others are taken as independent.'
        }
      >
        <Loaded answer={answer} rows={7}>
          {data => (
            <>
              {data.rows.length === 0 ? (
                <Notice>No attempts with a result here. Choose another issue type or a longer range.</Notice>
              ) : (
                <BoardTable board={data} query={query} />
              )}
              <Judged outcomes={data.outcomes} />
            </>
          )}
        </Loaded>
      </Card>
    </main>
  )
}

function BestVerdict({ board, error }: { board: Board | undefined; error: string | undefined }) {
  if (board === undefined) return <PendingVerdict error={error} />
  const leader = board.rows[0]
  if (leader === undefined || leader.group !== 'could_be_best') {
    return (
      <Verdict badge={<Badge tone="open">Cannot tell yet</Badge>} announced="Cannot tell yet">
        No agent has 5 attempts or more here.
      </Verdict>
    )
  }
  const rivals = board.rows.filter(row => row !== leader && row.group === 'could_be_best')
  const others = board.groups.could_be_best - 1
  const isAlone = board.groups.could_be_best + board.groups.told_apart === 1
  const tone = board.decisive && !isAlone ? 'decided' : isAlone ? 'plain' : 'open'
  const word = tone === 'decided' ? 'Decided' : isAlone ? 'No rival yet' : 'Cannot tell yet'
  return (
    <Verdict
      badge={<Badge tone={tone}>{word}</Badge>}
      detail={detailOf(board, isAlone)}
      announced={`${word}: ${leader.agent_name} leads`}
    >
      <strong>{leader.agent_name}</strong> with <strong>{leader.model_name}</strong> leads{' '}
      {board.compared_at === null ? (
        <>at the same mix of {plural(board.compared_issue_types, 'issue type')}</>
      ) : (
        <>
          at <strong>{board.compared_at}</strong>
        </>
      )}
      : {rate(shownRate(leader))} of attempts succeed, 95% interval {interval(shownInterval(leader))}.{' '}
      {others === 1 && rivals[0] !== undefined ? (
        <>
          But <strong>{rivals[0].agent_name}</strong> with <strong>{rivals[0].model_name}</strong> (
          {rate(shownRate(rivals[0]))}) could be as good.
        </>
      ) : others > 1 ? (
        `But ${count(others)} others could be as good.`
      ) : (
        !isAlone && 'All others are worse than that.'
      )}
    </Verdict>
  )
}

function detailOf(board: Board, isAlone: boolean): string {
  if (isAlone) return 'There is no other agent with 5 attempts or more to compare it with.'
  if (board.decisive) return 'The test holds however often you look: wrong in at most 5% of histories.'
  if (board.compared_at === null)
    return 'The groups below rest on a test at the same mix of issue types. Choose an issue type to see how many more attempts it takes.'
  return board.attempts_to_decide === null
    ? 'How many more attempts it takes cannot be said while the rates are so alike.'
    : `About ${plural(board.attempts_to_decide, 'more attempt')} of each would decide it, if the rates are as they look now.`
}

const shownRate = (row: LeaderboardRow): number => row.adjusted_rate ?? row.success_rate
const shownInterval = (row: LeaderboardRow) => row.adjusted_rate_interval ?? row.success_rate_interval

const GROUPS: Readonly<Record<LeaderboardGroup, readonly [title: string, meaning: string]>> = {
  could_be_best: ['Could be the best', 'not distinguished from the leader'],
  told_apart: ['Worse than the leader', 'beyond chance'],
  not_compared: ['Not compared', 'no issue type in common with the leader'],
  too_few: ['Too few to compare', 'fewer than 5 attempts'],
}

/**
 * Rows of a group at first. The others wait for a click: 200 rows take long to lay out, and among 200 candidates hardly any row of the later groups
 * is the answer to who is best.
 */
const FIRST_ROWS: Readonly<Record<LeaderboardGroup, number>> = {
  could_be_best: 20,
  told_apart: 10,
  not_compared: 5,
  too_few: 5,
}
/** A group with this many rows more than that is shown as a whole. */
const FEW_MORE = 3

function BoardTable({ board, query }: { board: Board; query: Query }) {
  const [whole, setWhole] = useState<ReadonlySet<LeaderboardGroup>>(new Set())
  const hold = useHeldOrder(board.rows)
  const isMix = board.compared_at === null
  const hasCost = board.rows.some(({ cost_per_success }) => cost_per_success !== null)
  const hasConfidence = board.rows.some(({ avg_confidence }) => avg_confidence !== null)
  const band = board.rows[0]?.group === 'could_be_best' ? shownInterval(board.rows[0]) : undefined
  const columns = 5 + (isMix ? 1 : 1) + (hasCost ? 1 : 0) + (hasConfidence ? 1 : 0)
  const explain = (title: string, ...field: string[]) => (
    <Explain title={title} path="leaderboard" query={query} field={['rows', ...field]} />
  )
  return (
    <>
      <table class="board" {...hold.handlers}>
        <caption class="hidden">Agents and models by success rate</caption>
        <thead>
          <tr>
            <th scope="col">Agent and model</th>
            <th scope="col" class="plot">
              <span class="hidden">Rate and interval</span>
              <WhiskerAxis />
            </th>
            <th scope="col">
              {isMix ? (
                <>Same mix {explain('Same mix', 'adjusted_rate')}</>
              ) : (
                <>Rate {explain('Rate', 'success_rate')}</>
              )}
            </th>
            {isMix && <th scope="col">Plain rate {explain('Plain rate', 'success_rate')}</th>}
            <th scope="col">Attempts {explain('Attempts', 'total_attempts')}</th>
            <th scope="col">Evidence {explain('Evidence', 'evidence')}</th>
            {!isMix && <th scope="col">Chance best {explain('Chance best', 'p_best')}</th>}
            {hasConfidence && <th scope="col">Stated {explain('Stated confidence', 'avg_confidence')}</th>}
            <th scope="col">Median time {explain('Median time', 'time_seconds')}</th>
            {hasCost && <th scope="col">Per success {explain('Cost per success', 'cost_per_success')}</th>}
          </tr>
        </thead>
        {(Object.keys(GROUPS) as LeaderboardGroup[]).map(group => {
          const all = hold.rows.filter(row => row.group === group)
          if (all.length === 0) return null
          const isFolded = !whole.has(group) && all.length > FIRST_ROWS[group] + FEW_MORE
          const own = isFolded ? all.slice(0, FIRST_ROWS[group]) : all
          return (
            <tbody key={group}>
              <tr class="group">
                <th scope="rowgroup" colSpan={columns + 1}>
                  <strong>{GROUPS[group][0]}</strong> <span>{GROUPS[group][1]}</span>
                  <span class="total">{count(board.groups[group])}</span>
                </th>
              </tr>
              {own.map(row => (
                <tr key={idOf(row)}>
                  <th scope="row">
                    <Candidate agent={row.agent_name} model={row.model_name} />
                  </th>
                  <td class="plot">
                    <Whisker
                      rate={shownRate(row)}
                      {...shownInterval(row)}
                      band={band}
                      isHollow={row.group === 'too_few'}
                    />
                    <span class="words">95% interval {interval(shownInterval(row))}</span>
                  </td>
                  <td class="rate">{rate(shownRate(row))}</td>
                  {isMix && <td data-label="Plain rate">{rate(row.success_rate)}</td>}
                  <td data-label="Attempts">{count(row.total_attempts)}</td>
                  <td data-label="Evidence">
                    <EvidenceLabel evidence={row.evidence} />
                  </td>
                  {!isMix && <td data-label="Chance best">{row.p_best === null ? NONE : share(row.p_best)}</td>}
                  {hasConfidence && (
                    <td data-label="Stated">
                      <Stated row={row} />
                    </td>
                  )}
                  <td data-label="Median time">
                    {row.time_seconds?.p50 == null ? NONE : duration(row.time_seconds.p50)}
                  </td>
                  {hasCost && (
                    <td data-label="Per success">
                      {row.cost_per_success === null ? NONE : money(row.cost_per_success.cost_usd)}
                    </td>
                  )}
                </tr>
              ))}
              {isFolded && (
                <tr class="folded">
                  <td colSpan={columns + 1}>
                    <button type="button" class="button" onClick={() => setWhole(new Set([...whole, group]))}>
                      Show {count(all.length - own.length)} more: {GROUPS[group][0].toLowerCase()}
                    </button>
                  </td>
                </tr>
              )}
            </tbody>
          )
        })}
      </table>
      {totalOf(board.groups) > board.rows.length && (
        <p class="card-foot">
          {count(totalOf(board.groups) - board.rows.length)} more candidates are not listed here. Choose an issue type,
          or ask the API with a higher limit.
        </p>
      )}
    </>
  )
}

const totalOf = (groups: Board['groups']): number => Object.values(groups).reduce((sum, own) => sum + own, 0)

/** What an agent states against what it achieves. The difference is left out where the interval of the rate includes what it states. */
function Stated({ row: { avg_confidence, success_rate, success_rate_interval } }: { row: LeaderboardRow }) {
  if (avg_confidence === null) return <>{NONE}</>
  const stated = avg_confidence * 100
  const isApart = stated > success_rate_interval.high || stated < success_rate_interval.low
  return (
    <>
      {share(avg_confidence)}
      {isApart && <span class="model">{points(stated - success_rate)}</span>}
    </>
  )
}

const idOf = ({ agent_name, model_name }: LeaderboardRow): string => `${agent_name}\0${model_name}`

/** Rows keep their order while the pointer or the focus is on the table: nothing moves away from under a click. */
function useHeldOrder(rows: readonly LeaderboardRow[]) {
  const { isHeld, handlers } = useHold()
  const order = useRef<ReadonlyMap<string, number>>(new Map())
  const held = isHeld ? order.current : new Map<string, number>()
  if (!isHeld) order.current = new Map(rows.map((row, i) => [idOf(row), i]))
  const place = (row: LeaderboardRow): number => held.get(idOf(row)) ?? rows.length
  return {
    rows: isHeld ? [...rows].sort((a, b) => place(a) - place(b)) : rows,
    handlers,
  }
}

function boardCsv(board: Board): Csv {
  return {
    file: 'leaderboard',
    header: [
      'agent_name',
      'model_name',
      'group',
      ...RATE_NAMES,
      'evidence',
      'p_best',
      'avg_confidence',
      'p50_seconds',
      'cost_per_success_usd',
    ],
    rows: () =>
      board.rows.map(row => [
        ...[row.agent_name, row.model_name, row.group],
        ...rateValues(row),
        ...[row.evidence, row.p_best, row.avg_confidence],
        ...[row.time_seconds?.p50, row.cost_per_success?.cost_usd],
      ]),
  }
}
