/** The verdict of a trend, in the words of the API. */
import type { AnswerState } from '../data/answers.ts'
import type { Given } from '../data/api.ts'
import { localSentence, points, signed } from '../data/format.ts'
import { Badge } from './basics.tsx'
import { PendingVerdict, Verdict } from './verdict.tsx'

export function TrendVerdict({ answer: { data, error } }: { answer: AnswerState<Given<'trends'>> }) {
  if (data === undefined) return <PendingVerdict error={error?.message} />
  const [word, sentence] = splitVerdict(data.verdict)
  const tone =
    word === 'Better'
      ? 'decided'
      : word === 'Worse' || word === 'Mixed'
        ? 'worse'
        : word === 'No change seen'
          ? 'plain'
          : 'open'
  const { change } = data
  return (
    <Verdict
      badge={<Badge tone={tone}>{word}</Badge>}
      announced={word}
      {...(change !== null && {
        detail: `Later half against earlier half: ${points(change.difference)}, 95% interval ${signed(change.difference_interval.low)} to ${signed(change.difference_interval.high)}.`,
      })}
    >
      {localSentence(sentence)}
    </Verdict>
  )
}

/** The API says `Headline: sentence.` */
function splitVerdict(verdict: string): readonly [string, string] {
  const colon = verdict.indexOf(': ')
  const rest = verdict.slice(colon + 2)
  return [verdict.slice(0, colon), rest.charAt(0).toUpperCase() + rest.slice(1)]
}
