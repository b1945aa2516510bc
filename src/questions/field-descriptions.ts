/**
 * What fields of answers mean, by name, unless their schema has a description of its own. A name means the same in every answer. Rates are
 * in percent, differences of rates in percentage points, probabilities and confidences from 0 to 1.
 */
export const FIELD_DESCRIPTIONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    // Names.
    agent_name: 'Name of the agent.',
    model_name: 'Name of the model.',
    issue_type: 'Type of the issue.',
    experiment: 'Name of the experiment.',
    variant: 'Name of the variant.',
    baseline: 'Name of the variant that this one is compared with.',
    name: 'Name of the compared agent or model.',
    outcomes: 'How the attempts were judged: by an outcome, by what they reported, or not yet.',
    issue_types: 'Issue types with attempts, sorted.',
    agents_used: 'Agents with attempts, sorted.',
    group_by: 'What the groups have in common.',

    // Times.
    timestamp: 'End of the attempt, RFC 3339.',
    since: 'Start of the range, RFC 3339.',
    until: 'End of the range, RFC 3339.',
    generated_at: 'Time of the answer, RFC 3339.',
    last_updated: 'Time of the answer, RFC 3339.',
    interval_seconds: 'Length of an interval in seconds.',
    avg_time_seconds: 'Mean time in seconds. 0 if no time is known.',
    avg_time_seconds_interval:
      '95 % interval of the mean time in seconds. Where tasks repeat, all runs of a task count as equally long. Null below two times, or for one task.',
    time_seconds: 'Median and 95th percentile of the times in seconds. Null if no time is in the histogram.',
    p50: 'Median in seconds: within its histogram bucket, off by a factor below 2, or by 0.1 s. Null above 3,276.8 s.',
    p50_interval:
      '95 % interval of the median in seconds, at bounds of histogram buckets. Where tasks repeat, all runs of a task count as equally long.',
    p95: '95th percentile in seconds: within its histogram bucket, off by a factor below 2, or by 0.1 s. Null above 3,276.8 s.',
    p95_interval:
      '95 % interval of the 95th percentile in seconds, at bounds of histogram buckets. Where tasks repeat, all runs of a task count as equally long.',

    // Rates and probabilities.
    success_rate: 'Successes in percent of the attempts, 0 to 100. 0 without attempts.',
    success_rate_interval: '95 % interval of the success rate in percent.',
    adjusted_rate_interval: '95 % interval of the adjusted rate in percent. Null without one.',
    difference: 'Difference of the success rates in percentage points.',
    difference_interval: 'Interval of the difference in percentage points.',
    adjusted_difference: 'Difference of the adjusted rates in percentage points.',
    adjusted_difference_interval: '95 % interval of the difference of the adjusted rates in percentage points.',
    draw: 'Rate drawn from the posterior in percent. Null without exploration.',
    p_best: 'Probability, 0 to 1, that its true rate is the highest.',
    p_value: 'p-value of no difference, 0 to 1.',
    avg_confidence: 'Mean stated confidence, 0 to 1.',
    mean_confidence: 'Mean stated confidence, 0 to 1. Null if the bin is empty.',
    method: 'Method of the interval.',

    // Decisions.
    decisive: 'Whether the data distinguish it from every other candidate.',
    contenders: 'The candidates that the data do not distinguish from it.',
    attempts_to_decide:
      'Further attempts of each contender until the comparison is decisive, with 80 % power. Null if unknown.',
    attempts_needed:
      'Further attempts of each of the two variants until they are distinguished, with 80 % power. Null if unknown.',
    verdict: 'What the comparison with the baseline says so far.',

    // Calibration.
    brier_score: 'Mean squared difference of confidence and outcome, 0 to 1.',
    reliability: 'Miscalibration term of the Brier score, 0 to 1. 0 is perfect.',
    resolution: 'Discrimination term of the Brier score, 0 to `uncertainty`.',
    uncertainty: 'Variance of the outcomes, 0 to 0.25.',
    within_bins: 'Term of the Brier score for varying confidence inside bins.',
    brier_skill: '1 - brier_score / uncertainty, at most 1. Null if all outcomes are equal.',
    expected_calibration_error:
      'Mean difference of the share of successes and the mean confidence over the ten bins, 0 to 1.',
    expected_calibration_error_band:
      'The same error of a perfectly calibrated agent with the same bins and the same repeated tasks, 0 to 1.',
    spiegelhalter_z: 'Standard normal for a calibrated agent. Null if every confidence is 0, 0.5 or 1.',
    spiegelhalter_p: 'Two-sided p-value of `spiegelhalter_z`, 0 to 1.',
    over_confidence_interval:
      '95 % interval of `over_confidence`, -1 to 1, clustered by task. Null below two effective attempts.',
    auroc: 'Probability, 0 to 1, that a success had a higher confidence than a failure. Null below 100 attempts.',
    auroc_error: 'The value without bins is within this of `auroc`, 0 to 0.5.',
    degenerate: 'Whether some, but fewer than three of the ten bins have attempts.',
    bins: 'Ten bins of confidence.',

    // Costs.
    reported: 'Attempts that stated their cost.',
    computed: 'Attempts whose cost was computed from tokens and prices.',
    unpriced: 'Attempts of unknown cost.',
    total_cost_usd: 'Known costs in US dollars. Null if none is known.',
    cost_per_attempt: 'Mean over the attempts of known cost. Null if none is known.',
    cost_per_success: 'Mean cost of an attempt divided by the share of successes. Null if unknown.',
    expected_cost_per_success_usd:
      'Mean cost of an attempt divided by the share of successes, in US dollars. Null if unknown.',
    interval:
      '95 % interval of the cost in US dollars. Where tasks repeat, all runs of a task count as equally expensive. Null for a single cost, or for one task.',
    costs: 'Costs of the attempts.',
    tokens: 'Numbers of tokens by type.',
    input: 'Input tokens outside any cache.',
    output: 'Output tokens.',
    cache_read: 'Input tokens read from a cache.',
    cache_write: 'Input tokens written to a cache.',

    // Drift.
    statistic: 'Evidence of a drift: an alarm from `threshold` on.',
    threshold: 'The statistic at which the alarm is raised.',
    began_attempts_ago: 'How many attempts before the end of the range the drift began. Null without one.',
    began_at: 'End of the first attempt of the drift, RFC 3339, estimated. Null without one.',
  }),
)
