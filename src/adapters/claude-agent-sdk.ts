/**
 * The Claude Agent SDK for TypeScript (`@anthropic-ai/claude-agent-sdk`): follows the messages of a `query`. Loads nothing of the SDK.
 */
import { type AttemptLabels, type AttemptOutcome, type Instrumentation, sharedInstrumentation } from '../index.ts'
import { observeMessages } from './observed-query.ts'
import { type Adapter, createAdapter, type ReportedRun } from './reported-run.ts'

/** Labels of an attempt. The model is the one that answered; the label is for attempts that fail before. */
export type QueryLabels = Omit<AttemptLabels, 'model_name'> & Partial<Pick<AttemptLabels, 'model_name'>>

/** The `result` message that ends a run, as far as it is read. */
export interface QueryResult {
  readonly type: 'result'
  /** `success`, or why the run ended: `error_max_turns`, `error_during_execution` and others. */
  readonly subtype: string
  readonly is_error?: boolean
  /** The answer. */
  readonly result?: string
  readonly total_cost_usd?: number
  readonly session_id?: string
  readonly usage?: ClaudeUsage
}

/** Cached tokens are not part of the input tokens. */
interface ClaudeUsage {
  readonly input_tokens?: number | null
  readonly output_tokens?: number | null
  readonly cache_read_input_tokens?: number | null
  readonly cache_creation_input_tokens?: number | null
}

interface Content {
  readonly type: string
  readonly id?: string
  readonly name?: string
  readonly input?: { readonly subagent_type?: unknown }
  readonly tool_use_id?: string
  readonly is_error?: boolean
}

/** A message of the SDK, as far as it is read. */
interface Message extends Omit<QueryResult, 'type'> {
  readonly type: string
  readonly model?: string
  readonly parent_tool_use_id?: string | null
  readonly message?: { readonly model?: string; readonly content?: unknown }
  /** Of an assistant's message: the API refused a request. */
  readonly error?: string
  readonly tool_use_result?: unknown
  /** Of a `task_notification`: the subagent in the background that ended, and how. */
  readonly tool_use_id?: string
  readonly status?: string
}

const NAME = 'claude-agent-sdk'
/** The tools that start a subagent: the second name is the older one. */
const SUBAGENT_TOOLS: readonly unknown[] = ['Agent', 'Task']
/** The states of a subagent that goes on after its tool has returned. */
const LAUNCHED: readonly unknown[] = ['async_launched', 'remote_launched']
/** What is known of a result at the start. No function of the labels reads it. */
const START: QueryResult = { type: 'result', subtype: 'started' }
/** The model of messages that the SDK writes itself. */
const SYNTHETIC = '<synthetic>'

/**
 * Runs a `query` as one attempt, and each subagent of it as one of its own, named by its type. The attempt ends with the `result` message: its cost,
 * tokens and error are those of the attempt. If a stream of prompts goes on after it, the next answer is another attempt. The query stays the
 * same object. `describe` derives the outcome from a result without an error.
 *
 * The cost includes that of the subagents. Their own attempts state the model, but no tokens: the messages hold only a part of them.
 */
export function trackQuery<Query extends AsyncIterable<unknown>>(
  labels: QueryLabels,
  work: () => Query,
  describe?: (result: QueryResult) => AttemptOutcome | PromiseLike<AttemptOutcome>,
  instrumentation: Instrumentation = sharedInstrumentation,
): Query {
  const adapter = createAdapter<QueryResult>(NAME, { describe, instrumentation })
  const session = createSession(labels, adapter, createAdapter<undefined>(NAME, { instrumentation }))
  try {
    const query = session.run(work)
    observeMessages(query, {
      message: adapter.guarded(message => session.message(message as Message)),
      ended: adapter.guarded(session.ended),
      interrupted: session.interrupted,
    })
    return query
  } catch (error) {
    session.ended({ error })
    throw error
  }
}

interface Session {
  run<Result>(work: () => Result): Result
  message(message: Message): void
  interrupted(): void
  /** The messages have ended: with an error, because the reader left, or by themselves. */
  ended(how: { readonly error?: unknown; readonly left?: boolean }): void
}

function createSession(
  labels: QueryLabels,
  adapter: Adapter<QueryResult>,
  subagentAdapter: Adapter<undefined>,
): Session {
  const subagents = new Map<string, ReportedRun<undefined>>()
  const start = (): ReportedRun<QueryResult> => adapter.start(START, labels)
  let run: ReportedRun<QueryResult> | undefined = start()
  let model = labels.model_name
  let apiError: string | undefined
  let costBefore = 0
  let isInterrupted = false

  function endBy(result: QueryResult): void {
    const ended = run
    run = undefined
    if (ended === undefined) return
    const { total_cost_usd: total, usage, session_id } = result
    if (usage === undefined) adapter.sayOnce('a result states no usage')
    else ended.call(callOf(model, usage))
    // The total of a query includes its earlier results.
    if (typeof total === 'number') ended.set({ cost_usd: total >= costBefore ? total - costBefore : total })
    costBefore = total ?? costBefore
    if (session_id !== undefined) ended.set({ session_id })
    const isSuccess = result.subtype === 'success' && result.is_error !== true
    if (isSuccess) ended.complete(result)
    else if (isInterrupted) ended.cancel()
    else ended.fail({ name: result.subtype === 'success' ? (apiError ?? 'api_error') : result.subtype })
    isInterrupted = false
    apiError = undefined
  }

  function answered({ message, parent_tool_use_id: parent, error }: Message): void {
    const { content } = message ?? {}
    const answering = message?.model === SYNTHETIC ? undefined : message?.model
    if (typeof parent === 'string') subagents.get(parent)?.call({ model: answering })
    else {
      model = answering ?? model
      apiError = error ?? apiError
    }
    for (const block of blocksOf(content)) {
      const { subagent_type: type } = block.input ?? {}
      if (block.type !== 'tool_use' || !SUBAGENT_TOOLS.includes(block.name) || block.id === undefined) continue
      const { issue_type, task_id } = labels
      const agent_name = typeof type === 'string' ? type : 'general-purpose'
      subagents.set(block.id, subagentAdapter.start(undefined, { agent_name, issue_type, task_id }))
    }
  }

  function returned({ message, tool_use_result: output }: Message): void {
    const { status, resolvedModel } = (output ?? {}) as { readonly status?: unknown; readonly resolvedModel?: unknown }
    for (const block of blocksOf(message?.content)) {
      if (block.type !== 'tool_result' || block.tool_use_id === undefined) continue
      subagents.get(block.tool_use_id)?.call({ model: resolvedModel })
      // In the background it goes on, and a notification says how it ended.
      if (LAUNCHED.includes(status)) continue
      endSubagent(block.tool_use_id, block.is_error === true ? 'failed' : 'completed')
    }
  }

  function endSubagent(toolUseId: string | undefined, status: string | undefined): void {
    const subagent = subagents.get(toolUseId ?? '')
    if (subagent === undefined) return
    subagents.delete(toolUseId!)
    if (status === 'completed') subagent.complete(undefined)
    else if (status === 'stopped') subagent.cancel()
    else subagent.fail({ name: 'subagent_failed' })
  }

  return {
    run: work => run!.run(work),
    message: message => {
      if (message.type === 'result') return endBy(message as QueryResult)
      if (message.type === 'system' && message.subtype === 'init') {
        run ??= start()
        model = message.model ?? model
      } else if (message.type === 'assistant') answered(message)
      else if (message.type === 'user') returned(message)
      else if (message.subtype === 'task_notification') endSubagent(message.tool_use_id, message.status)
    },
    interrupted: () => {
      isInterrupted = true
    },
    ended: ({ error, left = false }) => {
      run?.call({ model })
      if (left || isAbort(error)) run?.cancel()
      else run?.fail(error ?? { name: 'no_result' })
      run = undefined
      for (const subagent of subagents.values()) {
        if (error === undefined || isAbort(error)) subagent.cancel()
        else subagent.fail(error)
      }
      subagents.clear()
    },
  }
}

/** The SDK's own class of aborts has no name of its own, and a class name that the build of the SDK changes. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'Error' && /\babort/i.test(error.message)
}

function blocksOf(content: unknown): readonly Content[] {
  return Array.isArray(content) ? content : []
}

function callOf(model: string | undefined, usage: ClaudeUsage): Parameters<ReportedRun<never>['call']>[0] {
  return {
    model,
    input: usage.input_tokens,
    output: usage.output_tokens,
    cacheRead: usage.cache_read_input_tokens,
    cacheWrite: usage.cache_creation_input_tokens,
  }
}
