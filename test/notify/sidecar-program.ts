/**
 * A sidecar in a process of its own, whose only rule is a success rate of an agent below 60 % since the last 20 attempts or more. Arguments: the
 * store and the config file. It prints its URL.
 */
import { loadConfig } from '../../src/config/config.ts'
import type { Alert } from '../../src/core/alerts/alert.ts'
import { createLog } from '../../src/server/log.ts'
import type { Evaluate } from '../../src/sidecar/alerts.ts'
import { startSidecar } from '../../src/sidecar.ts'
import { anAlert } from '../support/alerts.ts'

const evaluate: Evaluate = async (store): Promise<readonly Alert[]> => {
  const { attempts } = await store.attempts({ limit: 1000 })
  const newest = Map.groupBy(attempts, ({ agent_name }) => agent_name)
  return [...newest].flatMap(([agent, all]) => {
    const last = all.slice(0, 20)
    const successes = last.filter(({ success }) => success === true).length
    return successes >= 12
      ? []
      : [anAlert('AgentMissesTarget', { severity: 'critical', labels: new Map([['agent_name', agent]]) })]
  })
}

const [store, configFile] = process.argv.slice(2)
const { config } = loadConfig({ flags: { store, listen: '127.0.0.1:0' }, env: process.env, configFile })
const sidecar = await startSidecar(config, createLog('info'), process.env, undefined, evaluate)
process.on('SIGTERM', () => void sidecar.close().then(() => process.exit(0)))
process.stdout.write(`${sidecar.url}\n`)
