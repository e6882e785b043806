/** The text that `beamclaw init` writes. */

export const starterProviders = ['anthropic', 'openai', 'demo'] as const

export type StarterProvider = (typeof starterProviders)[number]

const providers: Readonly<Record<StarterProvider, string>> = {
  anthropic: `anthropic: { type: anthropic, apiKey: \${ANTHROPIC_API_KEY} }`,
  openai: `openai: { type: openai, apiKey: \${OPENAI_API_KEY} }`,
  demo: 'demo: { type: demo }                # lives in the gateway, needs nothing',
}

const models: Readonly<Record<StarterProvider, string>> = {
  anthropic: 'anthropic/claude-sonnet-5',
  openai: 'openai/gpt-5',
  demo: 'demo/demo-1',
}

/** Returns a configuration with comments on every section. */
export function starterConfig(provider: StarterProvider): string {
  return `# BeamClaw. Every key, with its default: docs/configuration.md. Check this file with: beamclaw config check
# \${NAME} is an environment variable. Agents, prices and limits may be edited while the gateway runs.

gateway:
  host: 127.0.0.1        # others can reach any other host, and then a token is needed
  port: 4000             # 0 takes any free one
  # auth: { mode: token, token: \${BEAMCLAW_GATEWAY_TOKEN} }
  # allowedOrigins: [https://chat.example.org]   # web pages that may connect

store:
  type: fs               # redis: several gateways over one server; memory forgets everything at the end
  path: ./data
  sync: always           # on disk before it is acknowledged

# Several gateways share one Redis (docs/cluster.md). In the place of the section above, each has
#     store: { type: redis, url: 'redis://localhost:6379' }
#     cluster: { nodeId: web-1 }                 # unlike that of each other; without this line, the host name
# and tools.workspace, where agents work with files.

# workers: auto          # a process on each core but one, over a new data directory (docs/workers.md)

providers:
  ${providers[provider]}
  # local: { type: openai, apiKey: none, baseUrl: http://127.0.0.1:11434/v1, maxConcurrent: 4 }

agents:
  main:                  # the first one is asked when nobody is named
    model: ${models[provider]}
    system: You are a helpful assistant.
    # tools: [exec, files, web]                  # what it may use: also browser, mcp; without this line, nothing
    # askMode: always                            # every call asks a person; without this line, those that can do harm
    # skills: ['*']                              # all of the folders below, or names of some
    # fallbacks: [local/llama3]                  # asked in this order when the model fails

# tools:
#   workspace: /srv/shared                       # where agents have their files; with store: redis, shared by all machines
#   exec: { sandbox: auto }                      # bubblewrap, docker or podman: the first that works, else no command runs

# skills:
#   folders: [./skills]                          # a folder with a SKILL.md for each kind of task

# prices:                # US dollars for a million tokens
#   ${models[provider]}: { input: 3, output: 15 }

# budgets:               # calls that no budget has room for are refused; costs need prices
#   all: { per: month, maxCostUsd: 50 }
`
}
