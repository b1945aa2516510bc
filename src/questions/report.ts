import { z } from 'zod'
import { printTimestamp } from '../core/attempt/timestamp.ts'
import { type PerformanceReport, performanceReportSteps } from '../core/reports/report.ts'
import type { Selection } from '../core/reports/selection.ts'
import { runYielding } from '../lib/event-loop.ts'
import { attempts, bestAgent, modelPerformance, names, rate } from './answer-schemas.ts'
import { selection } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { byName, type ObjectSchema, objectSchema, strictObject } from './schema.ts'

const { success_rate, success_rate_interval, evidence, clusters, effective_attempts } = rate.shape

const answer: ObjectSchema<PerformanceReport> = objectSchema('PerformanceReport', {
  generated_at: z.string(),
  summary: strictObject({
    total_attempts: attempts,
    total_successful: attempts.meta({ description: 'Number of successful attempts.' }),
    overall_success_rate: success_rate,
    success_rate_interval,
    evidence,
    clusters,
    effective_attempts,
    total_agents: attempts.meta({ description: 'Number of agents.' }),
    total_issue_types: attempts.meta({ description: 'Number of issue types.' }),
    total_models: attempts.meta({ description: 'Number of models.' }),
  }).meta({ description: 'Totals over all attempts.' }),
  by_agent: byName(strictObject({ ...rate.shape, issue_types: names }), 'By agent.'),
  by_issue_type: byName(strictObject({ ...rate.shape, agents_used: names }), 'By issue type.'),
  by_model: byName(modelPerformance, 'By model.'),
  recommendations: byName(
    bestAgent,
    'The best agent of each issue type that has one with at least three attempts and one success.',
  ),
})

export const report: Question<'report', Selection, PerformanceReport> = defineQuestion({
  path: 'report',
  summary: 'Everything at a glance: summary, by agent, by issue type, by model, recommendations',
  command: 'report',
  parameters: z.strictObject(selection),
  answer,
  example: {},
  async run(facts, { range, filter, nowMs }, signal) {
    const summaries = await facts.summaries(range, filter, signal)
    return await runYielding(performanceReportSteps(summaries, printTimestamp({ ms: nowMs, local: false })), signal)
  },
})
