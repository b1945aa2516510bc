/**
 * PromQL that counts a store once, however many sidecars share it.
 *
 * All sidecars of a store expose the same counters, a few milliseconds apart. Their series differ in the label `instance`. A sum over them
 * counts each attempt once per sidecar. So the increase is computed for each sidecar, the largest is taken for each store, and then stores are
 * added. The largest, because a sidecar that was down or started late saw less. Never the increase of a largest value: where the sidecar that
 * is ahead ends, it falls back a little, and Prometheus takes that for a counter reset.
 */
import { TALLY_FAMILIES } from '../src/expose/families.ts'

/**
 * The recorded series that tells the store of each instance by its label `store`. Its value is the time of the scrape in seconds since the
 * epoch, so that the newest wins where an instance changed its store. An instance that names no store has the one of its target label
 * `store`. Without such a label it has its own: `store` is then its instance. That is so for a sidecar with a file, and for a coordinator that
 * exposes its attempts itself.
 */
export const STORE_OF_INSTANCE = 'instance:agent_performance_store_info:timestamp'

const SCRAPED = 'max by (job, instance, store) (timestamp(agent_attempts_total))'

/** The store of each instance that was scraped in the last hour, for the recording rules: those that read raw samples span at most an hour. */
export const STORE_WITHIN_HOUR = 'instance:agent_performance_store_info:last1h'

interface Rule {
  readonly record: string
  readonly expr: string
}

/** The rule that records {@link STORE_OF_INSTANCE}. */
const STORE_RULE: Rule = {
  record: STORE_OF_INSTANCE,
  expr:
    'max by (job, instance, store) (timestamp(agent_performance_store_info)) or on (job, instance) ' +
    // The instance becomes the store where the store is empty.
    `max by (job, instance, store) (label_replace(label_join(${SCRAPED}, "named", ";", "store", "instance"), "store", "$1", "named", ";(.*)"))`,
}

/**
 * The store of each instance that was scraped within `span`. That must be at least the span of the counters: an instance that is down now
 * counts for the time before. `at` is a modifier, such as `@ end()`.
 */
export function storesWithin(span: string, select = '', at = ''): string {
  return `topk by (job, instance) (1, last_over_time(${STORE_OF_INSTANCE}${select}[${span}]${at && ` ${at}`}))`
}

/** The rules about stores, in their order. */
export const STORE_RULES: readonly Rule[] = [STORE_RULE, { record: STORE_WITHIN_HOUR, expr: storesWithin('1h') }]

/** One series of `metric` for each store and label set. `ofInstances` is an expression on `metric` that keeps all labels. */
export function perStore(metric: string, ofInstances: string, stores: string): string {
  const labels = ['job', 'store', ...labelsOf(metric)].join(', ')
  return `max by (${labels}) (${ofInstances} + on (job, instance) group_left (store) 0 * ${stores})`
}

/** The labels of an exposed series of agents or experiments, `le` included. Throws for an unknown one. */
function labelsOf(series: string): readonly string[] {
  const [, name, part] = /^(.+?)(_bucket|_sum|_count)?$/.exec(series)!
  const family = TALLY_FAMILIES.find(one => one.name === (one.type === 'histogram' ? name : series))
  if (family === undefined) throw new Error(`there is no metric ${series}`)
  return part === '_bucket' ? [...family.labels, 'le'] : family.labels
}
