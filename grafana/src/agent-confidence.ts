/** Whether an agent's stated confidence can be believed. */
import {
  attemptsByConfidence,
  confidentSuccess,
  highest,
  idealByConfidence,
  ONE_AGENT,
  type Scope,
  statedConfidence,
  successByConfidence,
} from './expressions.ts'
import type { Row } from './frame.ts'
import { bars, lines } from './panel.ts'
import { COARSE, NO_CONFIDENCE } from './parts.ts'

const ALL: Scope = { select: ONE_AGENT, span: '$__range' }
const OVER_TIME: Scope = { select: ONE_AGENT, span: '$__rate_interval' }

/** The row. */
export const confidence: Row = {
  id: 102,
  title: 'Confidence',
  panels: [
    lines({
      id: 11,
      title: 'Stated confidence and success',
      description:
        'Can its confidence be believed? Both over the attempts that stated one: the lines of an honest agent lie on each other.',
      width: 8,
      height: 9,
      unit: 'percentunit',
      noValue: NO_CONFIDENCE,
      min: 0,
      max: 1,
      interval: COARSE,
      lines: [
        { expr: statedConfidence(OVER_TIME), legend: 'stated' },
        { expr: confidentSuccess(OVER_TIME), legend: 'succeeded' },
      ],
    }),
    bars({
      id: 12,
      title: 'Reliability',
      description:
        'At which confidence is it wrong about itself? How often attempts of each tenth of stated confidence succeeded, beside how often they would have, were the confidence right. Tenths without attempts show only the latter.',
      width: 8,
      height: 9,
      unit: 'percentunit',
      noValue: NO_CONFIDENCE,
      min: 0,
      max: 1,
      columns: [
        { name: 'Stated', label: 'stated' },
        { name: 'Succeeded', expr: successByConfidence(ALL) },
        { name: 'Would be right', expr: idealByConfidence() },
      ],
    }),
    bars({
      id: 13,
      title: 'Attempts by stated confidence',
      description:
        'Does it tell its attempts apart, or always state the same? How many there are behind each bar of Reliability.',
      width: 8,
      height: 9,
      unit: 'locale',
      noValue: NO_CONFIDENCE,
      stack: true,
      columns: [
        { name: 'Stated', label: 'stated' },
        { name: 'Success', expr: attemptsByConfidence('success', ALL) },
        { name: 'Failure', expr: attemptsByConfidence('failure', ALL) },
      ],
    }),
    lines({
      id: 14,
      title: 'Calibration error',
      description:
        'How far apart are stated confidence and success, over all attempts of a key? Averages differences in both directions; below 100 attempts an honest agent shows some too. The 10 highest keys.',
      width: 24,
      height: 8,
      unit: 'percentunit',
      noValue: 'No confidence stated yet',
      lines: [
        {
          expr: highest(10, `agent_confidence_calibration_error{${ONE_AGENT}}`, 'issue_type, model_name'),
          legend: '{{issue_type}} {{model_name}}',
        },
      ],
    }),
  ],
}
