/** Whether an agent's stated confidence matches its success. */
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
        'Does stated confidence match success? Both lines cover the attempts that stated a confidence. The lines of a calibrated agent coincide.',
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
        'At which confidence is the agent wrong about itself? Each group is a tenth of stated confidence: its observed success rate beside the rate of a calibrated agent. A tenth without attempts shows only the second bar.',
      width: 8,
      height: 9,
      unit: 'percentunit',
      noValue: NO_CONFIDENCE,
      min: 0,
      max: 1,
      columns: [
        { name: 'Stated', label: 'stated' },
        { name: 'Succeeded', expr: successByConfidence(ALL) },
        { name: 'Calibrated', expr: idealByConfidence() },
      ],
    }),
    bars({
      id: 13,
      title: 'Attempts by stated confidence',
      description:
        'Does the agent state different confidences, or always the same? Number of attempts in each tenth, by result.',
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
        'How far is stated confidence from success, over all attempts of a key? Expected calibration error of the 10 highest keys. With fewer than 100 attempts, a calibrated agent also shows an error.',
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
