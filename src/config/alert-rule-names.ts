/** The rules of alerts that the section `alerts` may name. */
export const ALERT_RULE_NAMES: readonly string[] = [
  'AgentSuccessDrift',
  'AgentSuccessRose',
  'AgentMissesTarget',
  'AgentOverconfident',
  'AgentCostPerSuccessRose',
  'AgentSilent',
  'ExperimentVariantWorse',
  'ExperimentVariantBetter',
  'ExperimentSampleRatioMismatch',
  'SidecarKeysRunningOut',
  'SidecarArmsRunningOut',
  'SidecarStoreFailing',
  'SidecarStoreDegraded',
]
