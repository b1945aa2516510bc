/** OpenAI Agents for JavaScript, instrumented by OpenInference: Fixer asks Helper by a tool. */
import { OpenAIAgentsInstrumentation } from '@arizeai/openinference-instrumentation-openai-agents'
import * as agents from '@openai/agents'
import { NodeSDK } from '@opentelemetry/sdk-node'

const sdk = new NodeSDK()
sdk.start()
new OpenAIAgentsInstrumentation().manuallyInstrument(agents)
const helper = new agents.Agent({ name: 'Helper', model: 'gpt-4o-mini', instructions: 'help' })
const tool = helper.asTool({ toolName: 'ask_helper', toolDescription: 'asks the helper' })
await agents.run(new agents.Agent({ name: 'Fixer', model: 'gpt-4o', instructions: 'fix', tools: [tool] }), 'fix it')
await sdk.shutdown()
